import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Route } from '../../../api/snapshot.ts';
import { listener, route } from '../../support/builders.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { httpScope } from '../../support/http/scope.ts';
import { seededRng } from '../../support/seeded-rng.ts';
import { terminate } from '../../support/tls.ts';
import { EchoServer } from '../../support/websocket/echo.ts';
import { randomConversation } from '../../support/websocket/frames.ts';
import { rawConversation } from '../../support/websocket/raw-client.ts';

const MiB = 1_048_576;
/** Conversations that are compared; a longer run: `WEBSOCKET_FUZZ=5000`. */
const CONVERSATIONS = Number(process.env['WEBSOCKET_FUZZ'] ?? 60);

/** Client and server of the `ws` library, which know nothing of us, with a proxy between them. */
describe('WebSocket clients and servers', () => {
  const scope = httpScope();

  async function echo(idleMs = 60_000, routes: readonly Route[] = []) {
    const server = scope.keep(await EchoServer.start());
    const proxy = await scope.proxy({
      ports: [server.port],
      config: { listeners: [listener({ timeouts: { ...listener().timeouts, idleMs } })], routes },
    });
    return { server, proxy };
  }

  async function open(port: number, options: WebSocket.ClientOptions = {}): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat?room=1`, options);
    await once(socket, 'open');
    return socket;
  }

  async function answerTo(socket: WebSocket, message: string | Buffer): Promise<Buffer> {
    const answer = once(socket, 'message') as Promise<[Buffer, boolean]>;
    socket.send(message);
    const [data, isBinary] = await answer;
    expect(isBinary).toBe(typeof message !== 'string');
    return data;
  }

  it.each([
    ['without', false],
    ['with', true],
  ])('exchange messages of every size %s compression', async (_, perMessageDeflate) => {
    const { server, proxy } = await echo();
    const socket = await open(proxy.port, { perMessageDeflate });
    expect(socket.extensions).toBe(perMessageDeflate ? 'permessage-deflate' : '');
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 300_000, 4 * MiB]) {
      const message = Buffer.alloc(size, size % 251);
      expect((await answerTo(socket, message)).equals(message)).toBe(true);
    }
    expect(String(await answerTo(socket, 'grüße 😀'))).toBe('grüße 😀');
    const pong = once(socket, 'pong') as Promise<[Buffer]>;
    socket.ping('are you there');
    expect(String((await pong)[0])).toBe('are you there');
    const closed = once(socket, 'close') as Promise<[number, Buffer]>;
    socket.close(4_321, 'enough');
    expect((await closed)[0]).toBe(4_321);
    await eventually('the server has seen it', () => server.stories.length === 1);
    expect(server.stories[0]!.at(-1)).toBe('close 4321');
    await proxy.emptied();
    expect(proxy.records[0]).toMatchObject({ status: 101, error: undefined });
  });

  it('choose a subprotocol between them', async () => {
    const { proxy } = await echo();
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`, ['graphql-ws', 'mqtt']);
    await once(socket, 'open');
    expect(socket.protocol).toBe('graphql-ws');
    socket.terminate();
  });

  it('exchange messages over TLS, also while the receiver pauses', async () => {
    const authority = await TestAuthority.create();
    const server = scope.keep(await EchoServer.start());
    const tls = await terminate(authority);
    const proxy = await scope.proxy({
      ports: [server.port],
      config: { listeners: [listener({ protocol: 'HTTPS', tls })] },
    });
    const options: WebSocket.ClientOptions & { servername: string } = {
      ca: authority.certificate,
      servername: 'shop.example.com',
      headers: { host: 'shop.example.com' },
      perMessageDeflate: false,
    };
    const socket = new WebSocket(`wss://127.0.0.1:${proxy.port}/`, options);
    await once(socket, 'open');
    socket.pause();
    const message = Buffer.alloc(4 * MiB, 'x');
    for (let i = 0; i < 4; i++) socket.send(message);
    let received = 0;
    socket.on('message', (data) => (received += (data as Buffer).length));
    await eventually('the server echoes', () => server.messages > 0);
    expect(received).toBe(0);
    socket.resume();
    await eventually('all of it has come back', () => received === 4 * message.length);
    socket.close();
    await proxy.emptied();
    expect(proxy.records[0]).toMatchObject({ status: 101, error: undefined, tlsVersion: 'TLSv1.3' });
  });

  // F03
  it('learn that a server wants none of it, as HTTP', async () => {
    const { proxy } = await scope.pair();
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toBe('Unexpected server response: 200');
  });

  it('stay connected as long as they ping, whatever binds a request, and no longer', async () => {
    const bound = route({ timeouts: { requestMs: 800, backendRequestMs: 800 } });
    const { server, proxy } = await echo(600, [bound]);
    const pinging = await open(proxy.port);
    const silent = await open(proxy.port);
    let pongs = 0;
    pinging.on('pong', () => (pongs += 1));
    const timer = setInterval(() => pinging.ping(), 100);
    // A client that just vanishes would leave with 1006, too: here the proxy closes it.
    const [code] = (await once(silent, 'close')) as [number];
    expect(code).toBe(1_006);
    await eventually('several idle times have gone by', () => pongs >= 20);
    clearInterval(timer);
    expect(pinging.readyState).toBe(WebSocket.OPEN);
    expect(server.connections).toBe(1);
    pinging.close();
    await proxy.emptied();
    expect(proxy.records.map(({ error }) => error)).toEqual(['UPSTREAM_IDLE', undefined]);
  });

  it('see of frames in order and out of it exactly what they see without a proxy', async () => {
    const { server, proxy } = await echo();
    const ends: string[] = [];
    for (let seed = 1; seed <= CONVERSATIONS; seed++) {
      const frames = randomConversation(seededRng(seed));
      const told: { story: string[]; bytes: string }[] = [];
      for (const port of [server.port, proxy.port]) {
        const bytes = await rawConversation(port, frames, seededRng(seed));
        const story = await eventually(`the server has seen ${seed} end`, () => server.stories.shift());
        told.push({ story, bytes: bytes.toString('base64') });
      }
      const [direct, proxied] = told;
      expect(proxied, `conversation ${seed}`).toEqual(direct);
      ends.push(direct!.story.at(-1)!);
    }
    // The comparison was one of more than good days.
    expect(ends.filter((end) => end !== 'close 1000').length).toBeGreaterThan(CONVERSATIONS / 5);
    await proxy.emptied();
  }, 600_000);
});
