import { connect } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { poolManifest } from '../../support/process/manifests.ts';
import { ProxyProcess } from '../../support/process/proxy-process.ts';
import { EchoServer } from '../../support/websocket/echo.ts';

const SOCKETS = 400;
const GRACE_MS = 4_000;

describe('a proxy that is told to end', () => {
  const open: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one.close();
  });

  // F05
  it('keeps its WebSockets to the end of its grace, and ends them then', async () => {
    const server = await EchoServer.start();
    open.push(server);
    const [port] = (await freePorts(1)) as [number];
    const proxy = await ProxyProcess.start({
      manifests: poolManifest('chat', 'HTTP', { listen: port, backend: server.port }),
      args: ['--drain-timeout', `${GRACE_MS}ms`],
    });
    open.push(proxy);
    const ends: { after: number; code: number }[] = [];
    let told = 0;
    const sockets = await Promise.all(
      Array.from({ length: SOCKETS }, async () => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
        await once(socket, 'open');
        socket.on('close', (code) => ends.push({ after: performance.now() - told, code }));
        return socket;
      }),
    );
    told = performance.now();
    const exited = proxy.close('SIGTERM');
    await eventually('new clients go elsewhere', async () => {
      const late = connect(port, '127.0.0.1');
      const [error] = (await Promise.race([once(late, 'error'), once(late, 'connect').then(() => [])])) as [
        NodeJS.ErrnoException?,
      ];
      late.destroy();
      return error?.code === 'ECONNREFUSED';
    });
    expect(ends).toEqual([]);
    const answers = sockets.slice(0, 20).map(async (socket, i) => {
      const answer = once(socket, 'message');
      socket.send(`still here ${i}`);
      expect(String((await answer)[0])).toBe(`still here ${i}`);
    });
    await Promise.all(answers);
    expect(await exited).toBe(0);
    await eventually('all have ended', () => ends.length === SOCKETS);
    expect(Math.min(...ends.map(({ after }) => after))).toBeGreaterThan(GRACE_MS - 500);
  }, 60_000);
});
