import { availableParallelism } from 'node:os';
import { serveAdmin } from '../../lib/admin-server.ts';
import { systemClock, systemRng } from '../../lib/clock.ts';
import { connectionBudget } from '../../lib/file-descriptors.ts';
import { createLog } from '../../lib/log.ts';
import { Proxy } from '../../proxy/proxy.ts';
import { standaloneRoutes } from '../../standalone/admin-routes.ts';
import { Demo } from '../../standalone/demo.ts';
import { loadPoolValidator } from '../../standalone/pool-validator.ts';
import { Standalone } from '../../standalone/standalone.ts';
import { StatusBook } from '../../standalone/status-book.ts';
import { diagnosticLine } from './validate.ts';
import { stopSignal } from '../stop-signals.ts';
import { top } from './top.ts';

export interface RunOptions {
  readonly file: string[];
  readonly bind: string;
  readonly admin: string;
  readonly workers: number | undefined;
  readonly deniedCidrs: string[];
  readonly demo: boolean;
  readonly accessLog: boolean;
  readonly logLevel: string;
  readonly drainTimeout: number;
}

/** `evenkeel run`: both halves in this process, until a signal ends it. */
export async function run(options: RunOptions): Promise<number> {
  const log = createLog(options.logLevel);
  const validator = await loadPoolValidator();
  const demo = options.demo ? await Demo.start(log) : undefined;
  const proxy = await Proxy.start({
    bindAddress: options.bind,
    workers: options.workers ?? availableParallelism(),
    clock: systemClock,
    rng: systemRng,
    log,
    accessLog: options.accessLog,
    maxConnections: await connectionBudget(),
  });
  const standalone = await Standalone.start({
    paths: options.file,
    deniedCIDRs: options.deniedCidrs,
    proxy,
    validator,
    clock: systemClock,
    log,
  });
  const status = new StatusBook(options.bind, systemClock);
  const admin = await serveAdmin(options.admin, standaloneRoutes(standalone, proxy, status));
  if (standalone.pools.length === 0 && standalone.diagnostics.length > 0) {
    for (const fault of standalone.diagnostics) process.stderr.write(`${diagnosticLine(fault)}\n`);
  }
  const header = welcome(standalone, admin.address, demo);
  process.stdout.write(header);
  const stop = stopSignal();
  if (process.stdout.isTTY) {
    const source = {
      pools: () => Promise.resolve(status.pools(standalone.pools)),
      traffic: () => proxy.traffic(),
    };
    await top(source, stop, header);
  }
  await stop;
  standalone.close();
  // A second signal does not wait for what is open.
  await Promise.race([proxy.drain(0, options.drainTimeout), stopSignal()]);
  demo?.close();
  await admin.close();
  await proxy.close();
  return 0;
}

/** Where to send requests, and what to try. */
function welcome(standalone: Standalone, admin: string, demo: Demo | undefined): string {
  const lines = ['', 'Evenkeel is running. Send traffic to:', ''];
  for (const { pool } of standalone.pools) {
    for (const { protocol, port } of pool.spec.listeners) {
      const where = protocol === 'HTTP' ? `curl http://127.0.0.1:${port}/` : `${protocol} 127.0.0.1:${port}`;
      lines.push(`  ${where.padEnd(36)} ${pool.metadata.name} (${pool.spec.loadBalancing.algorithm})`);
    }
  }
  lines.push('', `Status, metrics:  evenkeel get --admin ${admin}   curl http://${admin}/metrics`);
  if (demo !== undefined) {
    const [first] = demo.servers;
    lines.push(
      `Demo servers:     ${demo.servers.map(({ name, pid }) => `${name} is pid ${pid}`).join(', ')}`,
      '',
      `Kill one (it comes back after 10 s) and go on sending: no request fails.  kill -9 ${first?.pid}`,
    );
  }
  return `${lines.join('\n')}\n\n`;
}
