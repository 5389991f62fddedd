import { BroadcastChannel } from 'node:worker_threads';

export const FAULTS = 'evenkeel-worker-faults';

export interface Fault {
  /** Which worker. */
  readonly row: number;
  /** `stall`: a second in which it does nothing. `throw-and-exit`: it is gone before it has a successor. */
  readonly fault: 'throw' | 'throw-and-exit' | 'exit' | 'stall' | 'hang' | 'hang-after-hand-over' | 'stick';
  /** Of `stick`: a FIFO whose reader it waits for, where nothing can end it. */
  readonly fifo?: string;
}

/** Resolves when a worker says that it hangs, after its hand-over. */
export function untilHung(): Promise<void> {
  const channel = new BroadcastChannel(FAULTS);
  return new Promise((resolve) => {
    channel.onmessage = (event: unknown) => {
      if ((event as { data: { fault: string } }).data.fault !== 'hung') return;
      channel.close();
      resolve();
    };
  });
}

/** Makes a worker of a proxy that was started with test/support/faulty-worker.ts fail. */
export function injectFault(fault: Fault): void {
  const channel = new BroadcastChannel(FAULTS);
  channel.postMessage(fault);
  channel.close();
}
