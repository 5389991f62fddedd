import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { HeldBytes } from '../../support/held-bytes.ts';
import { ok, type SeenRequest, status } from '../../support/http/backend.ts';
import { httpScope } from '../../support/http/scope.ts';

const MiB = 1_048_576;
const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

function accepted(request: SeenRequest): string {
  const accept = createHash('sha1')
    .update(`${request.header('sec-websocket-key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** Switches, then hands the connection over. */
function switching(then: (socket: Socket) => void) {
  return ({ request, socket }: { request: SeenRequest; socket: Socket }) => {
    socket.removeAllListeners('data');
    socket.removeAllListeners('end');
    socket.write(accepted(request));
    then(socket);
  };
}

describe('an upgrade to WebSocket', () => {
  const scope = httpScope();

  it('becomes a tunnel after a valid 101, both ways', async () => {
    const { proxy, backend } = await scope.pair(
      switching((socket) => {
        socket.on('data', (bytes: Buffer) => socket.write(bytes));
        socket.on('end', () => socket.end());
      }),
    );
    const client = await proxy.connect();
    expect((await client.request(UPGRADE)).status).toBe(101);
    for (const text of ['one', 'two\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n']) {
      client.send(text);
      await eventually('the echo', () => client.received.endsWith(text));
    }
    expect(backend.requests[0]!.header('upgrade')).toBe('websocket');
    client.close();
    await eventually('the backend connection is closed', () => backend.sockets.size === 0);
    await proxy.emptied();
    expect(proxy.records).toHaveLength(1);
    expect(proxy.records[0]).toMatchObject({ status: 101, bytesIn: 28, bytesOut: 28 });
  });

  it('holds what the client sends early until the 101', async () => {
    // F01
    let isSwitched = false;
    const { proxy } = await scope.pair(({ request, socket }) => {
      socket.removeAllListeners('data');
      socket.on('data', (bytes: Buffer) => {
        expect(isSwitched).toBe(true);
        socket.write(bytes);
      });
      setTimeout(() => {
        isSwitched = true;
        socket.write(accepted(request));
      }, 50);
    });
    const client = await proxy.connect();
    client.send(`${UPGRADE}early`);
    await client.response();
    await eventually('the echo', () => client.received.endsWith('early'));
  });

  it('is refused with a body', async () => {
    // F01
    const { proxy, backend } = await scope.pair();
    const client = await proxy.connect();
    client.send(UPGRADE.replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\nhello'));
    expect((await client.response()).status).toBe(400);
    expect(backend.requests).toHaveLength(0);
  });

  it.each([
    ['a wrong accept', (text: string) => text.replace(/Accept: ./, 'Accept: x')],
    ['no accept', (text: string) => text.replace(/Sec-WebSocket-Accept.*\r\n/, '')],
    ['another protocol', (text: string) => text.replace('Upgrade: websocket', 'Upgrade: foo')],
    ['no Connection', (text: string) => text.replace('Connection: Upgrade\r\n', '')],
  ])('gives 502 for a 101 with %s', async (_, change) => {
    // F02
    const { proxy, backend } = await scope.pair(({ request, socket }) =>
      socket.write(change(accepted(request))),
    );
    const client = await proxy.connect();
    expect((await client.request(UPGRADE)).status).toBe(502);
    await eventually('the backend connection is closed', () => backend.sockets.size === 0);
  });

  it.each([426, 403, 200])('stays HTTP after a %i, also for what was sent early', async (code) => {
    // F03, C09
    const { proxy, backend } = await scope.pair(({ request, socket }) =>
      socket.write(request.target === '/chat' ? status(code) : ok(request.target)),
    );
    const client = await proxy.connect();
    client.send(`${UPGRADE}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect((await client.response()).status).toBe(code);
    expect((await client.response()).body).toBe('/next');
    expect(backend.requests.map(({ target }) => target)).toEqual(['/chat', '/next']);
  });

  it.each(['h2c', 'foo', 'websocket\r\nUpgrade: foo'])('is nothing special for %s', async (protocol) => {
    // F04, E20
    const { proxy, backend } = await scope.pair();
    const client = await proxy.connect();
    const text = UPGRADE.replace('Upgrade: websocket', `Upgrade: ${protocol}`);
    expect((await client.request(text)).status).toBe(200);
    expect(backend.requests[0]!.header('upgrade')).toBeUndefined();
    expect(backend.requests[0]!.header('connection')).toBeUndefined();
  });

  // E20
  it('is not made into HTTP/2 by a backend that was never asked for it', async () => {
    const { proxy, backend } = await scope.pair(({ request, socket }) => {
      if (request.target !== '/chat') socket.write(ok('fine'));
      else
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\0\0\0\x04\0\0\0\0\0',
        );
    });
    const client = await proxy.connect();
    const text = UPGRADE.replace(
      'Upgrade: websocket',
      'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    );
    expect((await client.request(text)).status).toBe(502);
    expect(backend.requests[0]!.head.toLowerCase()).not.toMatch(/upgrade|http2-settings/);
    expect(await proxy.get()).toMatchObject({ status: 200, body: 'fine' });
    expect(backend.requests.map(({ connection }) => connection)).toEqual([1, 2]);
    await proxy.settled();
  });

  it('passes the end of one direction on and lets the other go on', async () => {
    // F07
    const { proxy } = await scope.pair(
      switching((socket) => {
        socket.resume();
        socket.on('end', () => socket.end('still here'));
      }),
    );
    const client = await proxy.connect();
    await client.request(UPGRADE);
    client.socket.end('bye');
    expect(await client.closed()).toBe('fin');
    expect(client.received.endsWith('still here')).toBe(true);
    await proxy.emptied();
  });

  it('holds a sender up whose receiver does not read, and at most one read of what it sent', async () => {
    // F06
    let sent = 0;
    const fill = (socket: Socket) => {
      const block = Buffer.alloc(65_536);
      const more = () => {
        while (sent < 256 * MiB && !socket.destroyed) {
          sent += block.length;
          if (!socket.write(block)) {
            socket.once('drain', more);
            return;
          }
        }
      };
      more();
    };
    const stuck = () => {
      let last = -1;
      return eventually('the sender is held up', () => {
        const isStuck = sent > 0 && sent === last;
        last = sent;
        return isStuck;
      });
    };
    const { proxy, backend } = await scope.pair(switching((socket) => socket.pause()));
    const held = scope.keep(new HeldBytes({ proxy: proxy.port, backend: backend.port }));
    const client = await proxy.connect();
    await client.request(UPGRADE);
    fill(client.socket);
    await stuck();
    expect(sent).toBeLessThan(32 * MiB);
    expect(held.now).toEqual({ client: 0, upstream: expect.toSatisfy(isOneRead) });

    sent = 0;
    const flooding = await scope.pair(switching(fill));
    const heldBack = scope.keep(
      new HeldBytes({ proxy: flooding.proxy.port, backend: flooding.backend.port }),
    );
    const reader = await flooding.proxy.connect();
    await reader.request(UPGRADE);
    reader.socket.pause();
    await stuck();
    expect(sent).toBeLessThan(32 * MiB);
    expect(heldBack.now).toEqual({ client: expect.toSatisfy(isOneRead), upstream: 0 });
    const before = sent;
    reader.socket.resume();
    await eventually('it goes on when the receiver does', () => sent > before + 8 * MiB);
  });
});

/** Some, or there was nothing to see; at most what one read takes. */
function isOneRead(bytes: number): boolean {
  return bytes > 0 && bytes <= 65_536;
}
