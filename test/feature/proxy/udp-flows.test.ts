import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { UdpSessions } from '../../../api/snapshot.ts';
import { FlowBudget } from '../../../proxy/udp/flow-budget.ts';
import { DRAINING, HEALTHY, READY } from '../../../proxy/state/shared-table.ts';
import { endpoint, poolConfig, route, routeMatch, backendRef } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { endpointsAt } from '../../support/tcp-port.ts';
import { UdpBackend, UdpClient, UdpPort, type UdpPortOptions } from '../../support/udp.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

function keep<T extends { close(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

function client(port: UdpPort, host?: string): UdpClient {
  return keep(UdpClient.to(port.port, host));
}

function sessions(over: Partial<UdpSessions>): UdpPortOptions {
  const udp = { sessionIdleTimeoutMs: 30_000, maxSessions: 1_000, sessionKey: 'FiveTuple' as const, ...over };
  return { listener: { udp } };
}

function tellers(count: number): number[] {
  const backends = Array.from({ length: count }, () => UdpBackend.teller());
  return backends.map((backend) => keep(backend).port);
}

/** Answers that were more than a client had asked for. */
function dropped({ worker }: UdpPort): number {
  const metric = worker.ctx.traffic
    .collect()
    .find(({ name }) => name === 'evenkeel_udp_answers_dropped_total');
  return metric?.values[0]?.value ?? 0;
}

describe('a UDP flow', () => {
  // G08
  it.each([0, 1, 1_472, 9_000, 65_507])('passes a datagram of %i bytes whole, both ways', async (size) => {
    const backend = keep(UdpBackend.echo());
    const port = keep(UdpPort.bind(endpointsAt(backend.port)));
    const bytes = randomBytes(size);
    expect((await client(port).ask(bytes)).equals(bytes)).toBe(true);
    expect(backend.heard).toHaveLength(1);
  });

  it('never splits or merges: a burst of sizes arrives as it was sent', async () => {
    const backend = keep(UdpBackend.echo());
    const port = keep(UdpPort.bind(endpointsAt(backend.port)));
    const one = client(port);
    const sizes = Array.from({ length: 64 }, (_, index) => index * 23);
    for (const size of sizes) one.send(Buffer.alloc(size, size));
    await eventually('all came back', () => one.got.length === sizes.length);
    expect(one.got.map(({ length }) => length)).toEqual(sizes);
    await port.close();
    expect(port.worker.records).toMatchObject([
      { bytesIn: 46_368, bytesOut: 46_368, attempts: 1, clientAddress: '127.0.0.1' },
    ]);
    expect(port.inFlight).toBe(0);
  });

  // G09
  it('stays with its endpoint while others come and go', async () => {
    const ports = tellers(4);
    const port = keep(UdpPort.bind(endpointsAt(...ports.slice(0, 2))));
    const clients = Array.from({ length: 8 }, () => client(port));
    const first = await Promise.all(clients.map(async (one) => (await one.ask('?')).toString()));
    expect(new Set(first)).toEqual(new Set(ports.slice(0, 2).map(String)));
    const sets = [ports, [ports[3]!, ...ports.slice(0, 2)], [ports[1]!, ports[0]!, ports[2]!]];
    for (let round = 0; round < 30; round++) {
      port.update(endpointsAt(...sets[round % sets.length]!));
      const now = await Promise.all(clients.map(async (one) => (await one.ask('?')).toString()));
      expect(now).toEqual(first);
    }
    expect(port.handler.connections).toBe(8);
    expect(port.inFlight).toBe(8);
  });

  // G12
  it('passes on what its endpoint says and what nobody else says', async () => {
    const stranger = createSocket('udp4');
    stranger.bind(0, '127.0.0.1');
    await once(stranger, 'listening');
    const backend = keep(
      UdpBackend.bind((bytes, from, socket) => {
        stranger.send('forged', from.port, from.address, () => socket.send(bytes, from.port, from.address));
      }),
    );
    const port = keep(UdpPort.bind(endpointsAt(backend.port)));
    const one = client(port);
    for (let i = 0; i < 5; i++) await one.ask('true');
    expect(one.got.map(String)).toEqual(['true', 'true', 'true', 'true', 'true']);
    stranger.close();
  });

  // G13
  it('passes a hundred answers to one question to its client alone', async () => {
    const backend = keep(
      UdpBackend.bind((_, from, socket) => {
        for (let i = 0; i < 100; i++) socket.send(`${i}`, from.port, from.address);
      }),
    );
    const port = keep(UdpPort.bind(endpointsAt(backend.port)));
    const other = client(port);
    const asking = client(port);
    asking.send('?');
    await eventually('all answers', () => asking.got.length === 100);
    expect(other.got).toEqual([]);
  });

  // G13
  it('passes no more back than so many times what its client sent, where that is bounded', async () => {
    const backend = keep(
      UdpBackend.bind((bytes, from, socket) => {
        for (let i = 0; i < 100; i++) socket.send(bytes, from.port, from.address);
      }),
    );
    const port = keep(UdpPort.bind(endpointsAt(backend.port), sessions({ maxAmplification: 3 })));
    const asking = client(port);
    for (let asked = 1; asked <= 5; asked++) {
      asking.send('0123456789');
      await eventually('the others are dropped', () => dropped(port) === asked * 97);
      await eventually('three are passed on', () => asking.got.length === asked * 3);
    }
    await port.close();
    expect(port.worker.records).toMatchObject([{ bytesIn: 50, bytesOut: 150 }]);
  });

  it('passes empty answers, and none to an empty question, where that is bounded', async () => {
    const backend = keep(
      UdpBackend.bind((bytes, from, socket) =>
        socket.send(bytes.length === 0 ? 'x' : '', from.port, from.address),
      ),
    );
    const port = keep(UdpPort.bind(endpointsAt(backend.port), sessions({ maxAmplification: 1 })));
    const asking = client(port);
    asking.send('');
    await eventually('the answer is dropped', () => dropped(port) === 1);
    expect((await asking.ask('y')).toString()).toBe('');
  });

  // G11
  it('ends when nobody listens at its endpoint, and its client is served by another', async () => {
    const gone = UdpBackend.echo();
    const refused = gone.port;
    await gone.close();
    const [alive] = tellers(1);
    const port = keep(UdpPort.bind(endpointsAt(refused, alive!)));
    for (let i = 0; i < 6; i++) {
      const one = client(port);
      await eventually('an answer', () => {
        one.send('?');
        return one.got.length > 0;
      });
      expect(one.got[0]!.toString()).toBe(String(alive));
    }
    expect(port.worker.passive.said).toContain(`UPSTREAM_CONNECT_REFUSED ${refused}`);
    expect(port.worker.errors).toContain('UPSTREAM_CONNECT_REFUSED');
  });

  it('moves when its endpoint has gone down, and stays when every endpoint is', async () => {
    const ports = tellers(2);
    const port = keep(UdpPort.bind(endpointsAt(...ports)));
    const one = client(port);
    const first = Number(await one.ask('?'));
    const [serving, spare] = [first, ports.find((other) => other !== first)!];
    const states = port.pool.endpoints;
    port.pool.setFlags(
      states.find((state) => state.port === serving)!,
      READY,
    );
    expect(Number(await one.ask('?'))).toBe(spare);
    port.pool.setFlags(
      states.find((state) => state.port === spare)!,
      READY,
    );
    const open = Number(await one.ask('?'));
    for (let i = 0; i < 5; i++) expect(Number(await one.ask('?'))).toBe(open);
    expect(port.inFlight).toBe(1);
  });

  it('moves when its endpoint is removed', async () => {
    const ports = tellers(2);
    const port = keep(UdpPort.bind(endpointsAt(ports[0]!)));
    const one = client(port);
    await one.ask('?');
    port.update(endpointsAt(ports[1]!));
    expect(port.handler.connections).toBe(0);
    expect(Number(await one.ask('?'))).toBe(ports[1]);
    expect(port.inFlight).toBe(1);
  });

  it('stays with a draining endpoint for the drain time', async () => {
    const ports = tellers(2);
    const config = { lifecycle: { ...poolConfig().lifecycle, drainTimeoutMs: 700 } };
    const port = keep(UdpPort.bind(endpointsAt(...ports), { config }));
    const one = client(port);
    const first = Number(await one.ask('?'));
    const state = port.pool.endpoints.find((each) => each.port === first)!;
    port.pool.setFlags(state, READY | HEALTHY | DRAINING);
    expect(Number(await one.ask('?'))).toBe(first);
    const moved = await eventually('it moves', async () => {
      // A datagram may get lost at the moment of the move: the next one asks again.
      const nothing = new Promise<string>((resolve) => setTimeout(resolve, 500, String(first)));
      const answered = Number(await Promise.race([one.ask('?'), nothing]));
      return answered !== first && answered;
    });
    expect(ports).toContain(moved);
    expect(state.inFlight).toBe(0);
  });

  it('ends after its idle time, not before', async () => {
    const ports = tellers(1);
    const port = keep(UdpPort.bind(endpointsAt(...ports), sessions({ sessionIdleTimeoutMs: 400 })));
    const one = client(port);
    const started = performance.now();
    while (performance.now() - started < 1_200) {
      await one.ask('?');
      expect(port.handler.connections).toBe(1);
    }
    const quiet = performance.now();
    await eventually('it ends', () => port.handler.connections === 0);
    expect(performance.now() - quiet).toBeGreaterThan(350);
    expect(port.worker.records).toHaveLength(1);
    expect(port.inFlight).toBe(0);
  });
});

describe('a UDP port', () => {
  it('keeps at most so many flows, and those who talk rather than strangers', async () => {
    const ports = tellers(1);
    const port = keep(UdpPort.bind(endpointsAt(...ports), sessions({ maxSessions: 10 })));
    const talkers = Array.from({ length: 5 }, () => client(port));
    for (const talker of talkers) {
      await talker.ask('?');
      await talker.ask('?');
    }
    for (let i = 0; i < 40; i++) await client(port).ask('?');
    expect(port.handler.connections).toBe(10);
    expect(port.inFlight).toBe(10);
    const before = port.worker.records.length;
    for (const talker of talkers) await talker.ask('?');
    expect(port.worker.records).toHaveLength(before);
  });

  it('gives flows up when it may keep fewer, and nobody for a newcomer whom it cannot serve', async () => {
    const ports = tellers(1);
    const port = keep(
      UdpPort.bind(endpointsAt(...ports), {
        ...sessions({ maxSessions: 10 }),
        config: { failOpen: { mode: 'Never' } },
      }),
    );
    for (let i = 0; i < 10; i++) await client(port).ask('?');
    port.update(endpointsAt(...ports), { maxSessions: 4 });
    expect(port.handler.connections).toBe(4);
    expect(port.inFlight).toBe(4);
    port.pool.setFlags(port.pool.endpoints[0]!, READY);
    client(port).send('?');
    await eventually('the newcomer is refused', () => port.worker.errors.includes('NO_ELIGIBLE_ENDPOINT'));
    expect(port.handler.connections).toBe(4);
  });

  // G10
  it('has its share of the flows of its worker, whatever comes in at another port', async () => {
    const ports = tellers(1);
    const context = { flowBudget: new FlowBudget(20) };
    const flooded = keep(UdpPort.bind(endpointsAt(...ports), { ...sessions({}), context }));
    for (let i = 0; i < 25; i++) await client(flooded).ask('?');
    expect(flooded.handler.connections).toBe(20);
    const other = keep(UdpPort.bind(endpointsAt(...ports), { ...sessions({}), context }));
    for (let i = 0; i < 12; i++) await client(other).ask('?');
    await client(flooded).ask('?');
    expect([flooded, other].map(({ handler }) => handler.connections)).toEqual([10, 10]);
    await other.close();
    for (let i = 0; i < 12; i++) await client(flooded).ask('?');
    expect(flooded.handler.connections).toBe(20);
  });

  it('drops what comes from port 0, where nobody could be answered', async () => {
    const backend = keep(UdpBackend.echo());
    const port = keep(UdpPort.bind(endpointsAt(backend.port)));
    port.receive('?', 0);
    expect((await client(port).ask('!')).toString()).toBe('!');
    expect(backend.heard.map(({ bytes }) => bytes.toString())).toEqual(['!']);
  });

  it('ties the flows that it has by source when it is told to', async () => {
    const ports = tellers(3);
    const port = keep(UdpPort.bind(endpointsAt(...ports)));
    const [first, second] = [client(port), client(port)];
    await first.ask('?');
    const bound = String(await second.ask('?'));
    port.update(endpointsAt(...ports), { sessionKey: 'SourceIP' });
    for (let i = 0; i < 4; i++) expect(String(await client(port).ask('?'))).toBe(bound);
  });

  it('sends all flows of a client address to one endpoint with SourceIP, and each its own answers', async () => {
    const backends = Array.from({ length: 3 }, () => UdpBackend.echo());
    for (const backend of backends) keep(backend);
    const port = keep(
      UdpPort.bind(
        endpointsAt(...backends.map((backend) => backend.port)),
        sessions({ sessionKey: 'SourceIP' }),
      ),
    );
    const clients = Array.from({ length: 12 }, () => client(port));
    await Promise.all(
      clients.map(async (one, index) => {
        for (let i = 0; i < 3; i++) expect((await one.ask(`${index}`)).toString()).toBe(`${index}`);
      }),
    );
    expect(backends.filter(({ heard }) => heard.length > 0)).toHaveLength(1);
  });

  it('routes by the client address', async () => {
    const [byRoute, byDefault] = tellers(2);
    const backends = [
      { name: 'v1', appProtocol: 'http1' as const },
      { name: 'v2', appProtocol: 'http1' as const },
    ];
    for (const [sourceCIDRs, expected] of [
      [['127.0.0.0/8'], byRoute],
      [['192.0.2.0/24'], byDefault],
    ] as const) {
      const port = UdpPort.bind(endpointsAt(byDefault!), {
        config: {
          backends,
          routes: [
            route({
              listeners: ['udp'],
              matches: [routeMatch({ sourceCIDRs })],
              backendRefs: [backendRef({ name: 'v2' })],
            }),
          ],
        },
      });
      keep(port);
      port.pool.update({ endpoints: { v1: endpointsAt(byDefault!), v2: endpointsAt(byRoute!) } });
      expect(Number(await client(port).ask('?'))).toBe(expected);
    }
  });

  it('drops what access rules deny', async () => {
    const ports = tellers(1);
    const port = keep(
      UdpPort.bind(endpointsAt(...ports), {
        listener: { accessRules: { allowCIDRs: [], denyCIDRs: ['127.0.0.0/8'] } },
      }),
    );
    const one = client(port);
    one.send('?');
    await eventually('it was refused', () => port.worker.errors.includes('ACCESS_DENIED'));
    expect(port.handler.connections).toBe(0);
    expect(one.got).toEqual([]);
  });

  it('serves IPv6 and IPv4 clients on one socket, and IPv6 endpoints', async () => {
    const backend = keep(UdpBackend.echo({ host: '::1' }));
    const port = keep(UdpPort.bind([endpoint({ address: '::1', port: backend.port })], { host: '::' }));
    expect((await client(port, '127.0.0.1').ask('four')).toString()).toBe('four');
    expect((await client(port, '::1').ask('six')).toString()).toBe('six');
    await port.close();
    expect(port.worker.records.map(({ clientAddress }) => clientAddress)).toEqual(['127.0.0.1', '::1']);
  });

  it('goes on with its flows and takes no new ones while it drains, then closes', async () => {
    const ports = tellers(1);
    const port = keep(UdpPort.bind(endpointsAt(...ports), sessions({ sessionIdleTimeoutMs: 300 })));
    const one = client(port);
    await one.ask('?');
    port.handler.drain();
    const late = client(port);
    late.send('?');
    await one.ask('?');
    expect(late.got).toEqual([]);
    expect(port.handler.connections).toBe(1);
    await eventually('the flow ends', () => port.handler.connections === 0);
    const again = createSocket('udp4');
    again.bind(port.port, '127.0.0.1');
    await once(again, 'listening');
    again.close();
    await eventually('no deadline is left', () => port.worker.ctx.deadlines.size === 0);
  });
});
