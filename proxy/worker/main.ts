/**
 * A worker thread: accepts, routes, forwards. It owns its sockets and its copy of the pools; what it shares with
 * the other threads is in the shared table, and what it must tell goes to the main thread as messages.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { collectAfterStart } from '../../lib/collect-garbage.ts';
import { createLog } from '../../lib/log.ts';
import { WorkerRuntime } from './runtime.ts';
import type { FromWorker, ToWorker, WorkerData } from './protocol.ts';

const main = parentPort;
if (main === null) throw new Error('proxy/worker/main.ts runs as a worker thread');

const data = workerData as WorkerData;
const send = (message: FromWorker): void => main.postMessage(message);
const log = createLog(data.logLevel).child({ worker: data.workerId });
const runtime = new WorkerRuntime(data, log, send);

main.on('message', (message: ToWorker) => runtime.receive(message));
process.on('uncaughtException', (error) => {
  send({ type: 'failing', error: error.stack ?? String(error) });
});
send({ type: 'ready' });
collectAfterStart();
