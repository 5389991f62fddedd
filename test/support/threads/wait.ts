import { parentPort, workerData } from 'node:worker_threads';
import type { PoolSnapshot } from '../../../api/snapshot.ts';
import { systemClock } from '../../../lib/clock.ts';
import type { PoolSlots } from '../../../proxy/health/health-monitor.ts';
import type { EndpointState } from '../../../proxy/state/endpoint-state.ts';
import { SharedTable } from '../../../proxy/state/shared-table.ts';
import { PoolUpstreams } from '../../../proxy/upstream/pool-upstreams.ts';
import { WaitQueue } from '../../../proxy/upstream/wait-queue.ts';
import { seededRng } from '../seeded-rng.ts';
import { barrier } from './run.ts';

export interface WaitInput {
  readonly worker: number;
  readonly buffer: SharedArrayBuffer;
  readonly pool: PoolSnapshot;
  readonly slots: PoolSlots;
  /** Requests that this thread sends, so many at a time. */
  readonly requests: number;
  readonly atOnce: number;
  readonly maxInFlight: number;
  readonly holdMs: number;
}

export interface WaitOutput {
  readonly served: number;
  readonly lost: readonly string[];
  /** How long the unluckiest one waited. */
  readonly longestMs: number;
  readonly mostInFlight: number;
}

/** Sends requests to a pool that has no room for all of them, each held for a while. */
const { worker, buffer, pool, slots, requests, atOnce, maxInFlight, holdMs, ...start } =
  workerData as WaitInput & { gate: SharedArrayBuffer; threads: number };
const table = new SharedTable(worker, buffer);
const upstreams = new PoolUpstreams(pool, slots, {
  table,
  clock: systemClock,
  rng: seededRng(worker),
  here: { zone: '', nodeName: '' },
  queue: new WaitQueue(table, systemClock),
});
const selector = upstreams.selector(undefined);
const limits = { max: 1_000, timeoutMs: 20_000 };
const lost: string[] = [];
let left = requests;
let served = 0;
let longestMs = 0;
let mostInFlight = 0;

async function send(): Promise<void> {
  while (left-- > 0) {
    const from = systemClock.now();
    const endpoint = await acquire();
    if (typeof endpoint === 'string') {
      lost.push(endpoint);
      continue;
    }
    longestMs = Math.max(longestMs, systemClock.now() - from);
    mostInFlight = Math.max(mostInFlight, endpoint.inFlight);
    await new Promise((resolve) => setTimeout(resolve, holdMs));
    endpoint.release();
    served++;
  }
}

function acquire(): Promise<EndpointState | string> {
  const request = { hashKey: 0, tried: [], maxInFlight, bound: undefined };
  const selected = selector.select(request);
  if (selected !== 'all-full') return Promise.resolve(selected);
  return new Promise((resolve) => {
    if (selector.enqueue(request, limits, resolve) === 'queue-full') resolve('queue-full');
  });
}

barrier(start);
// Waiting keeps no thread alive; in a worker of a proxy its sockets do.
const alive = setInterval(() => {}, 1_000);
await Promise.all(Array.from({ length: atOnce }, send));
clearInterval(alive);
parentPort!.postMessage({ served, lost, longestMs, mostInFlight } satisfies WaitOutput);
