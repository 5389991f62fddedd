import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';
import { EchoServer } from '../websocket/echo.ts';
import { poolManifest } from './manifests.ts';
import { ProxyProcess } from './proxy-process.ts';

const AT_ONCE = 100;

export interface DrainedWebSockets {
  /** How many had ended when new clients were turned away. */
  readonly endedAtOnce: number;
  /** Of those that were asked after that, how many answered. */
  readonly answered: number;
  /** How many ended, and when the first and the last of them did, from the signal on. */
  readonly ended: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly exitCode: number | null;
}

/** Opens so many WebSockets through a proxy process, tells it to end with `graceMs`, and asks `asked` of them then. */
export async function drainWebSockets(
  sockets: number,
  { graceMs, asked }: { readonly graceMs: number; readonly asked: number },
): Promise<DrainedWebSockets> {
  const server = await EchoServer.start();
  const [port] = (await freePorts(1)) as [number];
  const proxy = await ProxyProcess.start({
    manifests: poolManifest(
      'chat',
      'HTTP',
      { listen: port, backend: server.port },
      // Not the idle time is to end them.
      { listener: 'timeouts: {idle: 300s}' },
    ),
    args: ['--drain-timeout', `${graceMs}ms`],
  });
  try {
    const ends: number[] = [];
    let told = 0;
    const open = await openAll(port, sockets);
    for (const socket of open) socket.on('close', () => ends.push(performance.now() - told));
    told = performance.now();
    const exited = proxy.close('SIGTERM');
    await eventually('new clients are turned away', async () => isRefused(port));
    const endedAtOnce = ends.length;
    const answers = await Promise.all(open.slice(0, asked).map(echoes));
    const exitCode = await exited;
    await eventually('all have ended', () => ends.length === sockets);
    return {
      endedAtOnce,
      answered: answers.filter(Boolean).length,
      ended: ends.length,
      firstMs: Math.min(...ends),
      lastMs: Math.max(...ends),
      exitCode,
    };
  } finally {
    await proxy.close();
    await server.close();
  }
}

async function openAll(port: number, count: number): Promise<WebSocket[]> {
  const open: WebSocket[] = [];
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
      await once(socket, 'open');
      open.push(socket);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return open;
}

async function echoes(socket: WebSocket, index: number): Promise<boolean> {
  const answer = once(socket, 'message');
  socket.send(`still here ${index}`);
  return String((await answer)[0]) === `still here ${index}`;
}

async function isRefused(port: number): Promise<boolean> {
  const late = connect(port, '127.0.0.1');
  const [error] = (await Promise.race([once(late, 'error'), once(late, 'connect').then(() => [])])) as [
    NodeJS.ErrnoException?,
  ];
  late.destroy();
  return error?.code === 'ECONNREFUSED';
}
