/** A proxy of which a worker is stuck in a FIFO, the argument, and which is told to close. */
import { constants, openSync } from 'node:fs';
import { startWholeProxy } from '../whole-proxy.ts';
import { eventually } from '../eventually.ts';
import { injectFault } from '../worker-faults.ts';

const fifo = process.argv[2]!;
const proxy = await startWholeProxy({ workerEntry: new URL('../faulty-worker.ts', import.meta.url) });
injectFault({ row: 0, fault: 'stick', fifo });
await eventually('the worker is stuck', () => hasReader());
await proxy.close();
process.exit(0);

/** Then what the worker waits for is there, and waits for what is never written. */
function hasReader(): boolean {
  try {
    openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    return true;
  } catch {
    return false; // ENXIO
  }
}
