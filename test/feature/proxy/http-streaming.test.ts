import { createHash, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { listener } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ok } from '../../support/http/backend.ts';
import { httpScope } from '../../support/http/scope.ts';

const MiB = 1_048_576;

/** Writes `parts` blocks with back-pressure. */
async function pour(socket: Socket, block: Buffer, parts: number): Promise<void> {
  for (let i = 0; i < parts; i++) {
    if (!socket.write(block)) await new Promise((resolve) => socket.once('drain', resolve));
  }
}

describe('streaming through an HTTP port', () => {
  const scope = httpScope();

  it('carries a large response unchanged, with a length and chunked', async () => {
    const block = randomBytes(300_000);
    const { proxy } = await scope.pair(({ request, socket }) => {
      if (request.target === '/length') {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${block.length * 40}\r\n\r\n`);
        void pour(socket, block, 40);
        return;
      }
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = Buffer.concat([
        Buffer.from(`${block.length.toString(16)}\r\n`),
        block,
        Buffer.from('\r\n'),
      ]);
      void pour(socket, chunk, 40).then(() => socket.write('0\r\n\r\n'));
    });
    const expected = createHash('sha256');
    for (let i = 0; i < 40; i++) expected.update(block);
    const digest = expected.digest('hex');
    for (const target of ['/length', '/chunked']) {
      const response = await fetch(`http://127.0.0.1:${proxy.port}${target}`);
      const got = createHash('sha256').update(Buffer.from(await response.arrayBuffer()));
      expect(got.digest('hex')).toBe(digest);
    }
  });

  it('carries a large request unchanged, with a length and chunked', async () => {
    const { proxy } = await scope.pair(({ request, socket }) =>
      socket.write(ok(createHash('sha256').update(Buffer.from(request.body, 'latin1')).digest('hex'))),
    );
    const body = randomBytes(5 * MiB);
    const digest = createHash('sha256').update(body).digest('hex');
    const length = await proxy.connect();
    length.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    length.send(body);
    expect((await length.response('POST')).body).toBe(digest);
    const chunked = await proxy.connect();
    chunked.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let pos = 0; pos < body.length; pos += 100_003) {
      const part = body.subarray(pos, pos + 100_003);
      chunked.send(`${part.length.toString(16)}\r\n`);
      chunked.send(part);
      chunked.send('\r\n');
    }
    chunked.send('0\r\n\r\n');
    expect((await chunked.response('POST')).body).toBe(digest);
  });

  it('stops reading from a backend whose client does not read', async () => {
    // F06, F09
    let written = 0;
    const { proxy } = await scope.pair(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 'x'), Buffer.from('\r\n')]);
      const more = () => {
        while (written < 256 * MiB) {
          written += chunk.length;
          if (!socket.write(chunk)) {
            socket.once('drain', more);
            return;
          }
        }
      };
      more();
    });
    const client = await proxy.connect();
    client.socket.pause();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    let last = -1;
    await eventually('the backend is held up', () => {
      const isStuck = written === last && written > 0;
      last = written;
      return isStuck;
    });
    expect(written).toBeLessThan(32 * MiB);
    client.close();
    await proxy.settled();
  });

  it('stops reading from a client whose backend does not read', async () => {
    // With nothing being read on either side, it is the idle limit that finds out.
    const timeouts = { ...listener().timeouts, idleMs: 1_000 };
    const { proxy } = await scope.pair(
      { onConnection: (socket) => socket.pause() },
      { listeners: [listener({ timeouts })] },
    );
    const client = await proxy.connect();
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${512 * MiB}\r\n\r\n`);
    const block = Buffer.alloc(65_536, 'x');
    let sent = 0;
    const more = () => {
      while (sent < 512 * MiB) {
        sent += block.length;
        if (!client.socket.write(block)) {
          client.socket.once('drain', more);
          return;
        }
      }
    };
    more();
    let last = -1;
    await eventually('the client is held up', () => {
      const isStuck = sent === last && sent > block.length;
      last = sent;
      return isStuck;
    });
    expect(sent).toBeLessThan(32 * MiB);
    await proxy.settled();
    client.close();
    expect(proxy.records[0]!.error).toBe('UPSTREAM_IDLE');
  });

  it('passes a response on as it comes, not when it is complete', async () => {
    let finish = (): void => {};
    const { proxy } = await scope.pair(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
      finish = () => socket.write('world');
    });
    const client = await proxy.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('the first half', () => client.received.endsWith('hello'));
    finish();
    expect((await client.response()).body).toBe('helloworld');
  });

  it('echoes while the request is still coming', async () => {
    const { proxy } = await scope.pair({
      onConnection: (socket) => {
        let isHead = true;
        socket.on('data', (bytes: Buffer) => {
          if (isHead) socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
          const end = isHead ? bytes.indexOf('\r\n\r\n') + 4 : 0;
          isHead = false;
          if (bytes.length > end) socket.write(bytes.subarray(end));
        });
      },
    });
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
    await eventually('the echo of the first chunk', () => client.received.endsWith('1\r\na\r\n'));
    client.send('1\r\nb\r\n');
    await eventually('the echo of the second chunk', () => client.received.endsWith('1\r\nb\r\n'));
    client.send('0\r\n\r\n');
    expect((await client.response('POST')).body).toBe('ab');
  });
});
