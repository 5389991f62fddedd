import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { PoolConfig } from '../../../api/snapshot.ts';
import { DRAINING, HEALTHY, READY } from '../../../proxy/state/shared-table.ts';
import { backend, backendRef, poolConfig, resilience, route, routeMatch } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { TcpBackend } from '../../support/tcp-backend.ts';
import { converse, dialTcp, readAll } from '../../support/tcp-client.ts';
import { endpointsAt, TcpPort, type TcpPortOptions } from '../../support/tcp-port.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

function keep<T extends { close(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

/** Backends that say their port to whoever connects and then echo. */
async function greeters(count: number): Promise<TcpBackend[]> {
  const backends = await Promise.all(
    Array.from({ length: count }, () =>
      TcpBackend.listen((socket) => {
        socket.write(`${socket.localPort}\n`);
        socket.pipe(socket);
      }),
    ),
  );
  for (const one of backends) keep(one);
  return backends;
}

async function portTo(backends: readonly TcpBackend[], options: TcpPortOptions = {}): Promise<TcpPort> {
  return keep(await TcpPort.listen(endpointsAt(...backends.map(({ port }) => port)), options));
}

/** A connection that stays, and the port of the backend that greeted it. */
async function greeted(port: TcpPort): Promise<{ socket: Socket; by: number }> {
  const socket = dialTcp(port.port);
  socket.on('error', () => {});
  const [greeting] = (await once(socket, 'data')) as [Buffer];
  return { socket, by: Number.parseInt(greeting.toString(), 10) };
}

function limits(over: Partial<PoolConfig['resilience']['limits']>): TcpPortOptions {
  return { config: { resilience: resilience({ limits: over }) } };
}

describe('a TCP port', () => {
  it('goes through the endpoints in turn', async () => {
    const backends = await greeters(3);
    const port = await portTo(backends);
    const turns: number[] = [];
    for (let i = 0; i < 6; i++) {
      const { socket, by } = await greeted(port);
      turns.push(by);
      socket.destroy();
    }
    const order = backends.map((one) => one.port);
    expect(turns).toEqual([...order, ...order]);
  });

  it('sends one client address to one endpoint with SourceIPHash', async () => {
    const backends = await greeters(3);
    const port = await portTo(backends, {
      config: { loadBalancing: { ...poolConfig().loadBalancing, algorithm: 'SourceIPHash' } },
      context: { accessLog: undefined },
    });
    const first = await greeted(port);
    for (let i = 0; i < 8; i++) expect((await greeted(port)).by).toBe(first.by);
  });

  it('routes by client address, the most specific first, without an access log too', async () => {
    const [wide, narrow, fallback] = await greeters(3);
    const toRoute = (name: string, sourceCIDRs: string[]) =>
      route({
        name,
        listeners: ['tcp'],
        matches: [routeMatch({ sourceCIDRs })],
        backendRefs: [backendRef({ name })],
      });
    const port = await portTo([fallback!], {
      context: { accessLog: undefined },
      config: {
        backends: [backend({ name: 'v1' }), backend({ name: 'wide' }), backend({ name: 'narrow' })],
        routes: [toRoute('wide', ['127.0.0.0/8']), toRoute('narrow', ['127.0.0.1/32', '::1/128'])],
      },
    });
    const endpoints = {
      v1: endpointsAt(fallback!.port),
      wide: endpointsAt(wide!.port),
      narrow: endpointsAt(narrow!.port),
    };
    port.pool.update({ endpoints });
    expect((await greeted(port)).by).toBe(narrow!.port);
    const config = { ...port.pool.config, routes: [toRoute('wide', ['127.0.0.0/8'])] };
    port.pool.update({ endpoints, config });
    port.handler.update(port.view());
    expect((await greeted(port)).by).toBe(wide!.port);
    port.pool.update({ endpoints, config: { ...config, routes: [toRoute('wide', ['192.0.2.0/24'])] } });
    port.handler.update(port.view());
    expect((await greeted(port)).by).toBe(fallback!.port);
  });

  it('turns away whom the access rules deny', async () => {
    const port = await portTo(await greeters(1), {
      listener: { accessRules: { allowCIDRs: ['127.0.0.0/8'], denyCIDRs: ['127.0.0.1/32'] } },
    });
    expect((await converse(port.port)).error).toBe('ECONNRESET');
    expect(port.worker.errors).toEqual(['ACCESS_DENIED']);
  });

  it('takes no more connections than its limit, and some again when others have ended', async () => {
    const port = await portTo(await greeters(1), {
      listener: { limits: { maxConnections: 2, bodyMatchBytes: 65_536 } },
    });
    const first = await greeted(port);
    await greeted(port);
    expect((await converse(port.port)).error).toBe('ECONNRESET');
    expect(port.worker.errors).toEqual(['OVERLOADED']);
    first.socket.end();
    await eventually('one has ended', () => port.handler.connections === 1);
    await greeted(port);
  });

  it('passes over endpoints that are full, and turns clients away when all are', async () => {
    const backends = await greeters(2);
    const port = await portTo(backends, limits({ maxConnectionsPerEndpoint: 2 }));
    const by: number[] = [];
    for (let i = 0; i < 4; i++) by.push((await greeted(port)).by);
    expect(by.filter((one) => one === backends[0]!.port)).toHaveLength(2);
    expect((await converse(port.port)).error).toBe('ECONNRESET');
    expect(port.worker.errors).toEqual(['ALL_ENDPOINTS_FULL']);
    expect(port.inFlight).toBe(4);
  });

  it('lets clients wait for a place, first come, first served', async () => {
    const port = await portTo(
      await greeters(1),
      limits({ maxConnectionsPerEndpoint: 1, queue: { max: 2, timeoutMs: 10_000 } }),
    );
    const holder = await greeted(port);
    const order: string[] = [];
    const waiting = [];
    for (const name of ['first', 'second']) {
      const conversation = converse(port.port).then(() => order.push(name));
      waiting.push(conversation);
      await eventually('it waits', () => port.handler.connections === waiting.length + 1);
    }
    expect((await converse(port.port)).error).toBe('ECONNRESET');
    expect(port.worker.errors).toEqual(['ALL_ENDPOINTS_FULL']);
    holder.socket.end();
    await Promise.all(waiting);
    expect(order).toEqual(['first', 'second']);
    await eventually('all sessions are over', () => port.handler.connections === 0);
    expect(port.inFlight).toBe(0);
  });

  it('gives up waiting after the queue’s time, and when the client leaves', async () => {
    const port = await portTo(
      await greeters(1),
      limits({ maxConnectionsPerEndpoint: 1, queue: { max: 5, timeoutMs: 300 } }),
    );
    await greeted(port);
    const impatient = dialTcp(port.port);
    await eventually('it waits', () => port.handler.connections === 2);
    impatient.resetAndDestroy();
    await eventually('it has left', () => port.handler.connections === 1);
    expect((await converse(port.port)).error).toBe('ECONNRESET');
    expect(port.worker.errors).toEqual(['DOWNSTREAM_CLOSED', 'QUEUE_TIMEOUT']);
    expect(port.inFlight).toBe(1);
  });

  it.each([10, 1_024, 65_536, 65_537, 4 << 20])(
    'passes on all of %i bytes that a client sent, and that it has ended, while it waited for a place',
    async (length) => {
      const port = await portTo(
        [keep(await TcpBackend.echo())],
        limits({ maxConnectionsPerEndpoint: 1, queue: { max: 5, timeoutMs: 30_000 } }),
      );
      const holder = dialTcp(port.port);
      await eventually('the place is taken', () => port.inFlight === 1);
      const sent = randomBytes(length);
      const waiting = converse(port.port, sent);
      await eventually('it waits', () => port.handler.connections === 2);
      holder.end();
      const { bytes, error } = await waiting;
      expect([bytes.equals(sent), error]).toEqual([true, undefined]);
    },
  );

  it('lets sessions go on when it drains', async () => {
    const port = await portTo(await greeters(1));
    const { socket } = await greeted(port);
    port.handler.drain();
    const all = readAll(socket);
    socket.end('still here');
    expect((await all).bytes.toString()).toBe('still here');
  });

  it('resets everything when it is destroyed, and leaves nothing behind', async () => {
    const port = await portTo(await greeters(2));
    const ends = [];
    for (let i = 0; i < 5; i++) ends.push(readAll((await greeted(port)).socket));
    port.handler.destroy();
    for (const { error } of await Promise.all(ends)) expect(error).toBe('ECONNRESET');
    await eventually('nothing is open', () => port.handler.connections === 0);
    expect(port.inFlight).toBe(0);
    expect(port.worker.ctx.deadlines.size).toBe(0);
    expect(port.worker.errors).toEqual(Array.from({ length: 5 }, () => 'SHUTDOWN'));
  });

  it('gives sessions of an endpoint that drains or is removed the drain time, and no more', async () => {
    const backends = await greeters(3);
    const port = await portTo(backends, {
      config: { lifecycle: { ...poolConfig().lifecycle, drainTimeoutMs: 500 } },
    });
    const sessions = [await greeted(port), await greeted(port), await greeted(port)];
    const [drained, removed, stays] = sessions.map(({ by }) => by);
    const ends = new Map(sessions.map(({ socket, by }) => [by, readAll(socket)]));
    const started = performance.now();
    port.pool.setFlags(
      port.pool.endpoints.find((one) => one.port === drained)!,
      READY | HEALTHY | DRAINING,
    );
    port.update(endpointsAt(drained!, stays!));
    for (const leaving of [drained, removed]) {
      expect((await ends.get(leaving!))!.error).toBe('ECONNRESET');
      expect(performance.now() - started).toBeGreaterThan(450);
    }
    await eventually('both are over', () => port.handler.connections === 1);
    const { socket } = sessions.find(({ by }) => by === stays)!;
    socket.end('bye');
    expect((await ends.get(stays!)!).bytes.toString()).toBe('bye');
  });

  it('serves IPv4 clients of a dual-stack socket as IPv4 clients', async () => {
    const port = await portTo(await greeters(1), {
      host: '::',
      listener: { accessRules: { allowCIDRs: ['127.0.0.0/8'], denyCIDRs: [] } },
    });
    await greeted(port);
    const v6 = dialTcp(port.port, '::1');
    expect((await readAll(v6)).error).toBe('ECONNRESET');
    expect(port.worker.records).toMatchObject([{ error: 'ACCESS_DENIED', clientAddress: '::1' }]);
  });

  it('has nothing left after a thousand sessions that ended in every way', async () => {
    const backends = await greeters(3);
    const port = await portTo(backends);
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          if (index % 5 === 0) {
            dialTcp(port.port)
              .on('error', () => {})
              .once('connect', function reset(this: Socket) {
                this.resetAndDestroy();
              });
            return;
          }
          const { socket } = await greeted(port);
          if (index % 5 === 1) socket.destroy();
          else if (index % 5 === 2) socket.resetAndDestroy();
          else await converse(port.port, 'x'.repeat(index * 100)).then(() => socket.end());
        }),
      );
    }
    await eventually('all sessions are over', () => port.handler.connections === 0);
    expect(port.inFlight).toBe(0);
    expect(port.worker.ctx.deadlines.size).toBe(0);
    expect(port.worker.ctx.dialer.abandoned).toBe(0);
    expect(backends.every(({ sockets }) => sockets.size === 0)).toBe(true);
  });
});
