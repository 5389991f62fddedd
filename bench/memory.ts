/**
 * Memory of idle connections and of an idle proxy: `node bench/memory.ts [connections]`. Each figure is from a process
 * of its own; bars are those of the project: a plain idle connection 20 KiB, an idle proxy 120 MiB.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { systemClock, systemRng } from '../lib/clock.ts';
import { Proxy } from '../proxy/proxy.ts';
import { endpoint, listener, poolConfig, poolSnapshot } from '../test/support/builders.ts';
import { freePorts } from '../test/support/free-ports.ts';
import { measureIdle } from '../test/support/process/idle-run.ts';

const POOLS = 100;
const ENDPOINTS = 10;

if (process.send !== undefined) await idleProxy();
else await measure();

async function measure(): Promise<void> {
  const connections = Number(process.argv[2] ?? 9_000);
  for (const protocol of ['HTTP', 'TCP'] as const) {
    const { open, kib } = await measureIdle(protocol, connections);
    const what = protocol === 'HTTP' ? 'kept alive, one request each' : 'with the connection to its backend';
    print(`${protocol}, ${what}`, `${kib.toFixed(1)} KiB each of ${open}`);
  }
  const child = fork(import.meta.filename);
  await once(child, 'message');
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const mib = (field: string): string => {
    const kib = Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
    return (kib / 1_024).toFixed(0);
  };
  const what = `idle proxy, 2 workers, ${POOLS} pools of ${ENDPOINTS} endpoints`;
  print(what, `${mib('VmRSS')} MiB resident, ${mib('RssAnon')} MiB of them its own`);
  child.kill('SIGKILL');
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
  setTimeout(() => process.send?.('idle'), 10_000);
}

function print(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(56)} ${value}\n`);
}
