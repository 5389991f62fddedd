/** A proxy of which a worker is stuck in a FIFO, the argument, and which is told to close. */
import { constants, openSync } from 'node:fs';
import { pino } from 'pino';
import { systemClock, systemRng } from '../../../lib/clock.ts';
import { Proxy } from '../../../proxy/proxy.ts';
import { eventually } from '../eventually.ts';
import { injectFault } from '../worker-faults.ts';

const fifo = process.argv[2]!;
const proxy = await Proxy.start({
  bindAddress: '127.0.0.1',
  workers: 2,
  clock: systemClock,
  rng: systemRng,
  log: pino({ level: 'silent' }),
  accessLog: false,
  maxConnections: 1_000,
  workerEntry: new URL('../faulty-worker.ts', import.meta.url),
});
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
