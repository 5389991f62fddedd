import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../../lib/clock.ts';
import { SharedTable } from '../../../proxy/state/shared-table.ts';
import { Upstream, type UpstreamConfig } from '../../../proxy/upstream/upstream.ts';
import { WaitQueue } from '../../../proxy/upstream/wait-queue.ts';
import { seededRng } from '../seeded-rng.ts';
import { barrier } from './run.ts';

export interface PickInput {
  readonly worker: number;
  readonly buffer: SharedArrayBuffer;
  readonly upstream: number;
  readonly config: UpstreamConfig;
  readonly picks: number;
}

/** Picks endpoints and keeps them; posts the slots in the order in which it had them. */
const {
  worker,
  buffer,
  upstream: slot,
  config,
  picks,
  ...start
} = workerData as PickInput & {
  gate: SharedArrayBuffer;
  threads: number;
};
const table = new SharedTable(worker, buffer);
const upstream = new Upstream('uid-1', slot, config, {
  table,
  clock: systemClock,
  rng: seededRng(worker),
  here: { zone: '', nodeName: '' },
  queue: new WaitQueue(table, systemClock),
});
void upstream.version;
barrier(start);
const picked: number[] = [];
for (let i = 0; i < picks; i++) {
  const endpoint = upstream.pick({ hashKey: 0, tried: [], maxInFlight: Infinity });
  if (typeof endpoint === 'string') throw new Error(endpoint);
  picked.push(endpoint.slot);
}
parentPort!.postMessage(picked);
