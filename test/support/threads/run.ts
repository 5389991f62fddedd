import { Worker } from 'node:worker_threads';

/**
 * Runs a script of this folder in as many threads as there are rows of data, and gathers what each posts. A script posts
 * once and ends; all of them start their work together, when all are there (see `barrier`).
 */
export async function runThreads<T>(script: string, rows: readonly object[]): Promise<T[]> {
  const gate = new SharedArrayBuffer(4);
  return Promise.all(
    rows.map(
      (row) =>
        new Promise<T>((resolve, reject) => {
          const url = new URL(script, import.meta.url);
          const thread = new Worker(url, { workerData: { ...row, gate, threads: rows.length } });
          thread.once('message', resolve);
          thread.once('error', reject);
          thread.once('exit', (code) => reject(new Error(`thread ended with ${code} and said nothing`)));
        }),
    ),
  );
}

/** Holds a thread until all of them have come this far. */
export function barrier({ gate, threads }: { gate: SharedArrayBuffer; threads: number }): void {
  const arrived = new Int32Array(gate);
  if (Atomics.add(arrived, 0, 1) + 1 === threads) Atomics.notify(arrived, 0);
  for (let seen = Atomics.load(arrived, 0); seen < threads; seen = Atomics.load(arrived, 0)) {
    Atomics.wait(arrived, 0, seen, 1_000);
  }
}
