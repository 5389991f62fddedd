/**
 * What a pick and its release cost, for each algorithm, with few and many endpoints: CPU nanoseconds on one thread, and on
 * one of two threads that pick from the same upstream at once.
 *
 *   node bench/micro-pick.ts
 */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { Algorithm, Endpoint } from '../api/snapshot.ts';
import { systemClock, systemRng } from '../lib/clock.ts';
import { mix32 } from '../proxy/balancer/mix.ts';
import type { PoolSlots } from '../proxy/health/health-monitor.ts';
import type { EndpointState } from '../proxy/state/endpoint-state.ts';
import { HEALTHY, READY, SharedTable } from '../proxy/state/shared-table.ts';
import { SlotAllocator } from '../proxy/state/slot-allocator.ts';
import type { SelectRequest } from '../proxy/upstream/backend-selector.ts';
import { PoolUpstreams } from '../proxy/upstream/pool-upstreams.ts';
import { WaitQueue } from '../proxy/upstream/wait-queue.ts';
import { backend, endpoint, poolConfig, poolSnapshot } from '../test/support/builders.ts';

const ALGORITHMS: readonly Algorithm[] = [
  'RoundRobin',
  'WeightedRoundRobin',
  'LeastConnections',
  'PowerOfTwoChoices',
  'Random',
  'LeastLatency',
  'SourceIPHash',
];
/** Requests that each thread keeps in flight. */
const IN_FLIGHT = 64;
const ROUND_MS = 150;
const ROUNDS = 5;

interface Case {
  readonly worker: number;
  readonly buffer: SharedArrayBuffer;
  readonly pool: ReturnType<typeof poolSnapshot>;
  readonly slots: PoolSlots;
  /** 0 to wait, 1 to run, 2 to stop. */
  readonly state: SharedArrayBuffer;
}

/** Best of several rounds, in CPU ns for one pick and one release. */
function measure({ worker, buffer, pool, slots }: Case): number {
  const table = new SharedTable(worker, buffer);
  const upstreams = new PoolUpstreams(pool, slots, {
    table,
    clock: systemClock,
    rng: systemRng,
    here: { zone: '', nodeName: '' },
    queue: new WaitQueue(table, systemClock),
  });
  const selector = upstreams.selector(undefined);
  const request = { hashKey: 0, tried: [], maxInFlight: 1_000_000, bound: undefined } satisfies SelectRequest;
  const held: EndpointState[] = [];
  const next = (key: number): EndpointState => {
    request.hashKey = mix32(key);
    const selected = selector.select(request);
    if (typeof selected === 'string') throw new Error(selected);
    return selected;
  };
  while (held.length < IN_FLIGHT) held.push(next(held.length));
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.threadCpuUsage();
    let picks = 0;
    let elapsed = 0;
    while (elapsed < ROUND_MS) {
      for (let i = 0; i < 2_000; i++) {
        const place = picks++ % IN_FLIGHT;
        held[place]!.release();
        held[place] = next(picks);
      }
      elapsed = process.threadCpuUsage(start).user / 1_000;
    }
    best = Math.min(best, (elapsed * 1e6) / picks);
  }
  for (const endpoint of held) endpoint.release();
  return best;
}

function prepare(algorithm: Algorithm, count: number, weight: (index: number) => number): Case {
  const main = new SharedTable(-1);
  const list = Array.from({ length: count }, (_, i): Endpoint => {
    return endpoint({ address: `10.0.${i >> 8}.${i & 255}`, weight: weight(i) });
  });
  const pool = poolSnapshot({
    config: poolConfig({
      backends: [backend()],
      loadBalancing: { ...poolConfig().loadBalancing, algorithm },
    }),
    endpoints: { v1: list },
  });
  const slots = new SlotAllocator(main).assign(pool);
  if (slots === 'out-of-slots') throw new Error(slots);
  for (const slot of slots['v1']!.endpoints) main.setFlags(slot, READY | HEALTHY);
  return { worker: 0, buffer: main.buffer, pool, slots, state: new SharedArrayBuffer(4) };
}

/** With another thread that does the same all the while. */
async function measureContended(mine: Case): Promise<number> {
  const other = new Worker(new URL(import.meta.url), { workerData: { ...mine, worker: 1 } });
  await new Promise((resolve) => other.once('message', resolve));
  const ns = measure(mine);
  await other.terminate();
  return ns;
}

function cell(ns: number): string {
  return ns.toFixed(0).padStart(8);
}

if (isMainThread) {
  console.log('ns for a selection and its release, one thread | one of two threads');
  console.log(`${'algorithm'.padEnd(20)}      10   1,000  1,000 weighted |      10   1,000`);
  for (const algorithm of ALGORITHMS) {
    const row = [
      measure(prepare(algorithm, 10, () => 1)),
      measure(prepare(algorithm, 1_000, () => 1)),
      measure(prepare(algorithm, 1_000, (index) => 1 + (index % 7))),
    ];
    const contended = [
      await measureContended(prepare(algorithm, 10, () => 1)),
      await measureContended(prepare(algorithm, 1_000, () => 1)),
    ];
    const [a, b, c] = row.map(cell);
    console.log(`${algorithm.padEnd(20)}${a}${b}${c}         | ${contended.map(cell).join('')}`);
  }
} else {
  parentPort!.postMessage('ready');
  for (;;) measure(workerData as Case);
}
