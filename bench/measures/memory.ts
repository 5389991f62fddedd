import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { systemClock, systemRng } from '../../lib/clock.ts';
import { Proxy } from '../../proxy/proxy.ts';
import { endpoint, listener, poolConfig, poolSnapshot } from '../../test/support/builders.ts';
import { freePorts } from '../../test/support/free-ports.ts';
import { measureIdle } from '../../test/support/process/idle-run.ts';
import type { Measure } from '../bench.ts';
import { atMost, type Verdict } from '../section.ts';

const CONNECTIONS = 9_000;
const PER_CONNECTION_KIB = 20;
const POOLS = 100;
const ENDPOINTS = 10;
const IDLE_PROXY_MIB = 120;
/** What starting needed is collected by then. */
const SETTLE_MS = 10_000;

/** Each figure is from a process of its own. */
export const memory: Measure = {
  name: 'memory',
  async run(bench) {
    const verdicts: Verdict[] = [];
    const rows: string[][] = [];
    for (const protocol of ['HTTP', 'TCP'] as const) {
      bench.progress(`memory of idle connections, ${protocol}`);
      const { open, kib } = await measureIdle(protocol, CONNECTIONS);
      const what =
        protocol === 'HTTP' ? 'idle HTTP connection, kept alive' : 'idle TCP session, both connections of it';
      rows.push([what, `${kib.toFixed(1)} KiB each of ${open}`]);
      verdicts.push(atMost(`memory of an ${what}`, kib, PER_CONNECTION_KIB, 'KiB'));
    }
    bench.progress('memory of an idle proxy');
    const { resident, own } = await measureIdleProxy();
    const what = `idle proxy, 2 workers, ${POOLS} pools of ${ENDPOINTS} endpoints`;
    rows.push([what, `${resident.toFixed(0)} MiB resident, ${own.toFixed(0)} MiB of them its own`]);
    verdicts.push(atMost(`memory of an ${what}`, resident, IDLE_PROXY_MIB, 'MiB'));
    return { title: 'Memory', head: ['of', ''], rows, verdicts, raw: rows };
  },
};

async function measureIdleProxy(): Promise<{ resident: number; own: number }> {
  const child = fork(import.meta.filename);
  await once(child, 'message');
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const mib = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1_024;
  child.kill('SIGKILL');
  return { resident: mib('VmRSS'), own: mib('RssAnon') };
}

/** The data plane alone, as a proxy pod has it. */
async function idleProxy(): Promise<void> {
  const proxy = await Proxy.start({
    bindAddress: '127.0.0.1',
    workers: 2,
    clock: systemClock,
    rng: systemRng,
    log: pino({ level: 'silent' }),
    accessLog: false,
    maxConnections: 10_000,
  });
  const ports = await freePorts(POOLS);
  const upsert = ports.map((port, pool) =>
    poolSnapshot({
      uid: `pool-${pool}`,
      name: `pool-${pool}`,
      config: poolConfig({ listeners: [listener({ port })] }),
      endpoints: {
        v1: Array.from({ length: ENDPOINTS }, (_, index) => endpoint({ address: `127.1.${pool}.${index}` })),
      },
    }),
  );
  const outcomes = await proxy.apply({ upsert, remove: [] });
  if (![...outcomes.values()].every(({ ok }) => ok)) throw new Error('refused');
  setTimeout(() => process.send?.('idle'), SETTLE_MS);
}

if (import.meta.main) await idleProxy();
