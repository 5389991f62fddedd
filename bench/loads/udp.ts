import { execFile } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { promisify } from 'node:util';
import { LOAD_CORE } from '../pinned.ts';
import type { Client } from './client.ts';

const execute = promisify(execFile);
const FLOWS = 50;
const PAYLOAD = Buffer.alloc(64, 'x');
/** A datagram that got no answer by then is lost. */
const LOST_MS = 200;

/** Flows that each send a datagram as soon as the last one was answered, from a process on the load core. */
export const udpFlows: Client = async (port, seconds) => {
  const script = [process.execPath, import.meta.filename, 'load', String(port), String(seconds)];
  const { stdout } = await execute('taskset', ['-c', LOAD_CORE, ...script]);
  const { answered, lost } = JSON.parse(stdout) as { answered: number; lost: number };
  return { requests: answered, errors: lost === 0 ? '' : `${lost} lost` };
};

/** A server that says back what it hears. */
export function udpEcho(port: number): readonly string[] {
  return [process.execPath, import.meta.filename, 'echo', String(port)];
}

function echo(port: number): void {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.bind(port, '127.0.0.1');
}

async function load(port: number, seconds: number): Promise<void> {
  let answered = 0;
  let lost = 0;
  const sockets: Socket[] = [];
  for (let flow = 0; flow < FLOWS; flow++) {
    const socket = createSocket('udp4');
    const resend = setInterval(() => {
      lost += 1;
      socket.send(PAYLOAD);
    }, LOST_MS);
    socket.on('message', () => {
      answered += 1;
      resend.refresh();
      socket.send(PAYLOAD);
    });
    socket.on('close', () => clearInterval(resend));
    socket.on('error', () => {});
    await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve));
    socket.send(PAYLOAD);
    sockets.push(socket);
  }
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  for (const socket of sockets) socket.close();
  process.stdout.write(JSON.stringify({ answered, lost }));
}

if (import.meta.main) {
  const [what, port, seconds] = process.argv.slice(2);
  if (what === 'echo') echo(Number(port));
  else await load(Number(port), Number(seconds));
}
