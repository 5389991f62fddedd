import { parentPort, workerData } from 'node:worker_threads';
import { SharedTable } from '../../../proxy/state/shared-table.ts';
import { seededRng } from '../seeded-rng.ts';
import { barrier } from './run.ts';

export interface CountInput {
  readonly worker: number;
  readonly buffer: SharedArrayBuffer;
  readonly slot: number;
  readonly limit: number;
  readonly rounds: number;
}

export interface CountResult {
  /** What this thread has not released. */
  readonly held: number;
  /** The most that it saw in flight. */
  readonly most: number;
  readonly refused: number;
}

/** Acquires and releases one slot in random order, as fast as it can, and keeps what it holds at the end. */
const { worker, buffer, slot, limit, rounds, ...start } = workerData as CountInput & {
  gate: SharedArrayBuffer;
  threads: number;
};
const table = new SharedTable(worker, buffer);
const rng = seededRng(worker + 1);
let held = 0;
let most = 0;
let refused = 0;
barrier(start);
for (let round = 0; round < rounds; round++) {
  if (held > 0 && rng() < 0.5) {
    table.release(slot);
    held--;
  } else if (table.tryAcquire(slot, limit)) held++;
  else refused++;
  most = Math.max(most, table.inFlight(slot));
}
parentPort!.postMessage({ held, most, refused } satisfies CountResult);
