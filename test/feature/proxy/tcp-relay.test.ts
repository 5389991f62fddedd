import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { BlackHole } from '../../support/black-hole.ts';
import { eventually } from '../../support/eventually.ts';
import { HeldBytes } from '../../support/held-bytes.ts';
import { TcpBackend } from '../../support/tcp-backend.ts';
import { converse, dialTcp, readAll } from '../../support/tcp-client.ts';
import { endpointsAt, TcpPort, type TcpPortOptions } from '../../support/tcp-port.ts';
import { resilience } from '../../support/builders.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

function keep<T extends { close(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

async function portTo(backend: TcpBackend, options: TcpPortOptions = {}): Promise<TcpPort> {
  keep(backend);
  return keep(await TcpPort.listen(endpointsAt(backend.port), options));
}

describe('a TCP session', () => {
  it('passes bytes both ways and ends when both sides have', async () => {
    const port = await portTo(await TcpBackend.echo());
    const { bytes, error } = await converse(port.port, 'hello');
    expect(error).toBeUndefined();
    expect(bytes.toString()).toBe('hello');
    await eventually('the session is over', () => port.handler.connections === 0);
    expect(port.inFlight).toBe(0);
    expect(port.worker.ctx.deadlines.size).toBe(0);
    expect(port.worker.records).toMatchObject([
      { error: undefined, attempts: 1, bytesIn: 5, bytesOut: 5, clientAddress: '127.0.0.1' },
    ]);
  });

  // F07
  it('goes on towards the client when the client has ended its half', async () => {
    const backend = await TcpBackend.listen((socket) => {
      socket.resume();
      socket.once('end', () => {
        socket.write('one');
        setImmediate(() => socket.end('two'));
      });
    });
    const port = await portTo(backend);
    expect((await converse(port.port, 'request')).bytes.toString()).toBe('onetwo');
  });

  // F07
  it('goes on towards the backend when the backend has ended its half', async () => {
    const got: Buffer[] = [];
    const backend = await TcpBackend.listen((socket) => {
      socket.end('done');
      socket.on('data', (chunk) => got.push(chunk as Buffer));
    });
    const port = await portTo(backend);
    const client = dialTcp(port.port);
    expect((await readAll(client)).bytes.toString()).toBe('done');
    client.write('still ');
    await eventually('the first part arrived', () => Buffer.concat(got).toString() === 'still ');
    client.end('here');
    await eventually('everything arrived', () => Buffer.concat(got).toString() === 'still here');
    await eventually('the session is over', () => port.handler.connections === 0);
    expect(port.worker.errors).toEqual([undefined]);
  });

  it('delivers everything when the backend ends right behind its last byte', async () => {
    const payload = randomBytes(3_000_000);
    const port = await portTo(
      await TcpBackend.listen((socket) => {
        socket.resume();
        socket.end(payload);
      }),
    );
    const { bytes } = await converse(port.port);
    expect(bytes.equals(payload)).toBe(true);
  });

  it('passes a reset of the backend on as a reset', async () => {
    const port = await portTo(
      await TcpBackend.listen((socket) => {
        socket.write('begun', () => socket.once('data', () => socket.resetAndDestroy()));
      }),
    );
    const client = dialTcp(port.port);
    client.write('request');
    expect((await readAll(client)).error).toBe('ECONNRESET');
    await eventually('the session is over', () => port.worker.records.length === 1);
    expect(port.worker.errors).toEqual(['UPSTREAM_RESET']);
    expect(port.worker.passive.said).toEqual([`success ${port.pool.endpoints[0]!.port}`]);
  });

  it('passes a reset of the client on as a reset, and blames nobody', async () => {
    const backend = await TcpBackend.listen((socket) => socket.resume());
    const port = await portTo(backend);
    const client = dialTcp(port.port);
    client.write('request');
    const [upstream] = await eventually(
      'connected',
      () => backend.sockets.size === 1 && [...backend.sockets],
    );
    client.resetAndDestroy();
    const [error] = (await once(upstream!, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    await eventually('the session is over', () => port.worker.records.length === 1);
    expect(port.worker.errors).toEqual(['DOWNSTREAM_CLOSED']);
    expect(port.worker.passive.said).toEqual([]);
  });

  it('blames a backend that resets before anything was sent to it or came from it', async () => {
    const backend = await TcpBackend.listen(() => {});
    const port = await portTo(backend);
    const client = readAll(dialTcp(port.port));
    const { slot } = port.pool.endpoints[0]!;
    await eventually('connected', () => port.worker.main.latencyUs(slot) > 0);
    for (const socket of backend.sockets) socket.resetAndDestroy();
    expect((await client).error).toBe('ECONNRESET');
    await eventually('the session is over', () => port.worker.records.length === 1);
    expect(port.worker.passive.said).toEqual([`UPSTREAM_RESET ${backend.port}`]);
  });

  // G07
  it('is ended when nothing has moved for the idle time, also half-closed', async () => {
    const backend = await TcpBackend.listen((socket) => {
      socket.end('bye');
      socket.resume();
    });
    const port = await portTo(backend, {
      listener: {
        timeouts: { requestHeaderMs: 10_000, tlsHandshakeMs: 5_000, bodyMatchMs: 5_000, idleMs: 200 },
      },
    });
    const client = dialTcp(port.port);
    const started = performance.now();
    client.resume();
    await eventually('the session is over', () => port.worker.records.length === 1);
    expect(port.handler.connections).toBe(0);
    expect(performance.now() - started).toBeGreaterThan(195);
    expect(port.worker.errors).toEqual(['DOWNSTREAM_IDLE']);
    client.destroy();
    expect(backend.sockets.size).toBe(0);
  });

  it('is not idle while one direction moves', async () => {
    const backend = await TcpBackend.listen((socket) => {
      let sent = 0;
      const timer = setInterval(() => {
        if (++sent < 10) socket.write('.');
        else {
          clearInterval(timer);
          socket.end('.');
        }
      }, 100);
      socket.resume();
    });
    const port = await portTo(backend, {
      listener: {
        timeouts: { requestHeaderMs: 10_000, tlsHandshakeMs: 5_000, bodyMatchMs: 5_000, idleMs: 400 },
      },
    });
    expect((await converse(port.port, 'x')).bytes.toString()).toBe('..........');
  });
});

describe('back-pressure', () => {
  // F06
  it('stops reading a backend whose client reads nothing, and goes on when it does', async () => {
    const total = 64 * 1024 * 1024;
    const block = randomBytes(1 << 20);
    const sentHash = createHash('sha256');
    let written = 0;
    const backend = await TcpBackend.listen((socket) => {
      const fill = (): void => {
        while (written < total) {
          written += block.length;
          sentHash.update(block);
          if (!socket.write(block)) {
            socket.once('drain', fill);
            return;
          }
        }
        socket.end();
      };
      fill();
    });
    const port = await portTo(backend);
    const held = new HeldBytes({ proxy: port.port, backend: backend.port });
    const client = dialTcp(port.port);
    client.pause();
    let before = -1;
    await eventually('the backend is held back', async () => {
      const still = written === before;
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return still && written > 0;
    });
    expect(written).toBeLessThan(total / 2);
    expect(held.now).toEqual({ client: expect.toSatisfy(isOneRead), upstream: 0 });
    await held.close();
    const gotHash = createHash('sha256');
    for await (const chunk of client) gotHash.update(chunk as Buffer);
    client.destroy();
    expect(gotHash.digest('hex')).toBe(sentHash.digest('hex'));
  });

  // F06
  it('stops reading a client whose backend reads nothing, and goes on when it does', async () => {
    const total = 64 * 1024 * 1024;
    const block = randomBytes(1 << 20);
    const sentHash = createHash('sha256');
    const gotHash = createHash('sha256');
    const backend = await TcpBackend.listen((socket) => {
      socket.pause();
      socket.on('data', (chunk) => gotHash.update(chunk));
      socket.on('end', () => socket.end());
    });
    const port = await portTo(backend);
    const held = new HeldBytes({ proxy: port.port, backend: backend.port });
    const client = dialTcp(port.port);
    let written = 0;
    const fill = (): void => {
      while (written < total) {
        written += block.length;
        sentHash.update(block);
        if (!client.write(block)) {
          client.once('drain', fill);
          return;
        }
      }
      client.end();
    };
    fill();
    let before = -1;
    await eventually('the client is held back', async () => {
      const still = written === before;
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return still && written > 0;
    });
    expect(written).toBeLessThan(total / 2);
    expect(held.now).toEqual({ client: 0, upstream: expect.toSatisfy(isOneRead) });
    await held.close();
    for (const socket of backend.sockets) socket.resume();
    await readAll(client);
    expect(gotHash.digest('hex')).toBe(sentHash.digest('hex'));
  });

  // F06
  it('takes no more of a client than may be held while its endpoint is dialled', async () => {
    const hole = keep(await BlackHole.listen());
    const timeouts = { connectMs: 500, responseHeaderMs: 1_000 };
    const port = keep(
      await TcpPort.listen(endpointsAt(hole.port), { config: { resilience: resilience({ timeouts }) } }),
    );
    const client = dialTcp(port.port);
    client.on('error', () => {});
    client.write(Buffer.alloc(8 << 20));
    await eventually('the session is over', () => port.worker.records.length === 1);
    client.destroy();
    expect(port.worker.records[0]!.bytesIn).toSatisfy((bytes: number) => bytes > 0 && bytes <= 64 * 1_024);
  });

  it('keeps the bytes of many connections apart while some of them are slow', async () => {
    // Each answers with its own letter, in sizes on both sides of every buffer's edge.
    const sizes = [1, 1_023, 1_024, 1_025, 16_384, 40_000, 65_536, 300_000, 1_000_000];
    const backend = await TcpBackend.listen((socket) => {
      socket.once('data', (letter) => {
        for (const size of sizes) socket.write(Buffer.alloc(size, letter));
        socket.end();
      });
    });
    const port = await portTo(backend);
    const total = sizes.reduce((sum, size) => sum + size);
    await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        const client = dialTcp(port.port);
        const letter = String.fromCharCode(97 + index);
        client.write(letter);
        if (index % 2 === 0) {
          client.pause();
          await new Promise((resolve) => setTimeout(resolve, 20 * (index % 5)));
        }
        const all = readAll(client);
        client.resume();
        const { bytes, error } = await all;
        client.destroy();
        expect(error).toBeUndefined();
        expect(bytes.length).toBe(total);
        expect(bytes.equals(Buffer.alloc(total, letter))).toBe(true);
      }),
    );
    await eventually('all sessions are over', () => port.handler.connections === 0);
    expect(port.inFlight).toBe(0);
  });
});

describe('connecting', () => {
  async function refusedPort(): Promise<number> {
    const backend = await TcpBackend.echo();
    const { port } = backend;
    await backend.close();
    return port;
  }

  it('goes to the next endpoint when one refuses, and no client notices', async () => {
    const refused = await refusedPort();
    const backend = keep(await TcpBackend.teller());
    const port = keep(await TcpPort.listen(endpointsAt(refused, backend.port)));
    for (let i = 0; i < 20; i++) {
      expect((await converse(port.port)).bytes.toString()).toBe(String(backend.port));
    }
    await eventually('all sessions are over', () => port.handler.connections === 0);
    expect(port.worker.errors).toEqual(Array.from({ length: 20 }));
    expect(port.worker.passive.said).toContain(`UPSTREAM_CONNECT_REFUSED ${refused}`);
    expect(port.inFlight).toBe(0);
  });

  it('resets the client when every try was refused', async () => {
    const port = keep(await TcpPort.listen(endpointsAt(await refusedPort(), await refusedPort())));
    expect((await converse(port.port)).error).toBe('ECONNRESET');
    await eventually('the session is over', () => port.worker.records.length === 1);
    expect(port.worker.records).toMatchObject([{ error: 'UPSTREAM_CONNECT_REFUSED', attempts: 3 }]);
    expect(port.inFlight).toBe(0);
  });

  // CATALOGUE H10
  it('goes on from refusals to endpoints that were not tried, however few retries there are', async () => {
    const backend = keep(await TcpBackend.teller());
    const refused = await Promise.all(Array.from({ length: 5 }, () => refusedPort()));
    const port = keep(await TcpPort.listen(endpointsAt(...refused, backend.port)));
    expect((await converse(port.port)).bytes.toString()).toBe(String(backend.port));
    expect(port.inFlight).toBe(0);
  });

  it('does not try again where the pool does not retry connect failures', async () => {
    const backend = keep(await TcpBackend.teller());
    const port = keep(
      await TcpPort.listen(endpointsAt(await refusedPort(), backend.port), {
        config: { resilience: resilience({ retries: { ...resilience().retries, attempts: 0 } }) },
      }),
    );
    expect((await converse(port.port)).error).toBe('ECONNRESET');
    expect((await converse(port.port)).bytes.toString()).toBe(String(backend.port));
  });

  it('turns clients away while there is no endpoint', async () => {
    const port = keep(await TcpPort.listen([]));
    expect((await converse(port.port)).error).toBe('ECONNRESET');
    expect(port.worker.errors).toEqual(['NO_ENDPOINTS']);
  });

  it('gives up the dial when the client leaves meanwhile', async () => {
    const hole = keep(await BlackHole.listen());
    const port = keep(await TcpPort.listen(endpointsAt(hole.port)));
    const client = dialTcp(port.port);
    await eventually('it dials', () => port.inFlight > 0);
    client.resetAndDestroy();
    await eventually('the session is over', () => port.handler.connections === 0);
    expect(port.inFlight).toBe(0);
    expect(port.worker.errors).toEqual(['DOWNSTREAM_CLOSED']);
  });

  it('tries another endpoint beside one that does not answer, and releases both', async () => {
    const hole = keep(await BlackHole.listen());
    const backend = keep(await TcpBackend.teller());
    const port = keep(
      await TcpPort.listen(endpointsAt(hole.port, backend.port), {
        config: {
          resilience: resilience({
            connectHedgeDelayMs: 100,
            timeouts: { connectMs: 1_000, responseHeaderMs: 1_000 },
          }),
        },
      }),
    );
    for (let i = 0; i < 4; i++) {
      const started = performance.now();
      expect((await converse(port.port)).bytes.toString()).toBe(String(backend.port));
      expect(performance.now() - started).toBeLessThan(900);
    }
    await eventually('all sessions are over', () => port.handler.connections === 0);
    expect(port.inFlight).toBe(0);
    // Nobody waited for the silent endpoint, and yet it is found out.
    await eventually('the silent endpoint is told of', () =>
      port.worker.passive.said.includes(`UPSTREAM_CONNECT_TIMEOUT ${hole.port}`),
    );
    await eventually('nothing is left', () => port.worker.ctx.dialer.abandoned === 0);
  });

  it('gives up after the connect timeout', async () => {
    const hole = keep(await BlackHole.listen());
    const timeouts = { connectMs: 200, responseHeaderMs: 1_000 };
    const port = keep(
      await TcpPort.listen(endpointsAt(hole.port), { config: { resilience: resilience({ timeouts }) } }),
    );
    expect((await converse(port.port)).error).toBe('ECONNRESET');
    await eventually('the session is over', () => port.worker.records.length === 1);
    expect(port.worker.errors).toEqual(['UPSTREAM_CONNECT_TIMEOUT']);
  });
});

/** Some, or there was nothing to see; at most what one read takes. */
function isOneRead(bytes: number): boolean {
  return bytes > 0 && bytes <= 64 * 1_024;
}
