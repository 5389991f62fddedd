/** A worker thread of a proxy that can be made to fail: `new BroadcastChannel(FAULTS).postMessage({row, fault})`. */
import { spawnSync } from 'node:child_process';
import { BroadcastChannel, parentPort, workerData } from 'node:worker_threads';
import '../../proxy/worker/main.ts';
import type { ToWorker } from '../../proxy/worker/protocol.ts';
import { FAULTS, type Fault } from './worker-faults.ts';

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const channel = new BroadcastChannel(FAULTS);
channel.unref();
channel.onmessage = (event: unknown) => {
  const { row, fault, fifo } = (event as { data: Fault }).data;
  if (row !== (workerData as { workerId: number }).workerId) return;
  switch (fault) {
    case 'throw':
      setImmediate(() => {
        throw new Error('injected');
      });
      return;
    case 'throw-and-exit':
      process.once('uncaughtException', () => setImmediate(() => process.exit(1)));
      setImmediate(() => {
        throw new Error('injected');
      });
      return;
    case 'exit':
      process.exit(1);
      return;
    case 'stall':
      block(1_000);
      return;
    case 'hang':
      block(60_000);
      return;
    case 'hang-after-hand-over':
      parentPort?.on('message', ({ type }: ToWorker) => {
        if (type !== 'hand-over') return;
        channel.postMessage({ row, fault: 'hung' });
        block(60_000);
      });
      return;
    case 'stick':
      spawnSync('cat', [fifo!]);
  }
};
