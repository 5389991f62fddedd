import { BroadcastChannel } from 'node:worker_threads';

export const FAULTS = 'evenkeel-worker-faults';

export interface Fault {
  /** Which worker. */
  readonly row: number;
  /** `stall`: a second in which it does nothing. `throw-and-exit`: it is gone before it has a successor. */
  readonly fault: 'throw' | 'throw-and-exit' | 'exit' | 'stall' | 'hang';
}

/** Makes a worker of a proxy that was started with test/support/faulty-worker.ts fail. */
export function injectFault(fault: Fault): void {
  const channel = new BroadcastChannel(FAULTS);
  channel.postMessage(fault);
  channel.close();
}
