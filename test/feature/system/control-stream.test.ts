import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Client, compressionAlgorithms, credentials, status, type ClientDuplexStream } from '@grpc/grpc-js';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTROL_METHOD, decodeToProxy, encodeToController, type ToProxyBody } from '../../../api/control.ts';
import type { Health, Nack, Traffic } from '../../../api/control_pb.ts';
import type { EndpointReport } from '../../../api/health.ts';
import type { PoolSnapshot } from '../../../api/snapshot.ts';
import { Fleet, type FleetOptions } from '../../../controller/push/fleet.ts';
import { serveControl, type ControlServer } from '../../../controller/push/server.ts';
import { systemClock } from '../../../lib/clock.ts';
import { startProxySync, type ProxySync } from '../../../proxy/sync/sync.ts';
import { endpoint, poolSnapshot } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { RecordingSink } from '../../support/recording-sink.ts';
import { seededRng } from '../../support/seeded-rng.ts';

const log = pino({ level: 'silent' });
const clock = systemClock;

interface Controller {
  readonly fleet: Fleet;
  readonly server: ControlServer;
  readonly nacks: Nack[];
  readonly health: Map<string, Health[]>;
  readonly applied: string[];
  readonly deposed: number[];
  /** What proxies said of traffic, message by message. */
  readonly traffic: Traffic[];
  pushedBytes: number;
}

describe('the control stream', () => {
  let dir: string;
  let cleanup: (() => Promise<unknown>)[];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'evenkeel-stream-'));
    cleanup = [];
  });

  afterEach(async () => {
    for (const end of cleanup.reverse()) await end();
    await rm(dir, { recursive: true, force: true });
  });

  const controller = async (
    options: Partial<FleetOptions> & { port?: number; maxAgeMs?: number } = {},
  ): Promise<Controller> => {
    const { port = 0, maxAgeMs = 3_600_000, ...rest } = options;
    const made: Omit<Controller, 'fleet' | 'server'> = {
      nacks: [],
      health: new Map(),
      applied: [],
      deposed: [],
      traffic: [],
      pushedBytes: 0,
    };
    const self = made as Controller;
    const fleet = new Fleet({
      controller: 'c',
      clock,
      rng: seededRng(4),
      log,
      events: {
        pushed: (bytes) => (self.pushedBytes += bytes),
        nacked: (nack) => self.nacks.push(nack),
        applied: (uid) => self.applied.push(uid),
        health: (proxy, health) => self.health.set(proxy, [...(self.health.get(proxy) ?? []), health]),
        traffic: (_, traffic) => self.traffic.push(traffic),
        forgetHealth: (proxy) => self.health.delete(proxy),
        spreading: () => undefined,
        changed: () => undefined,
        deposed: (epoch) => self.deposed.push(epoch),
      },
      ...rest,
    });
    const server = await serveControl({
      fleet,
      address: `127.0.0.1:${port}`,
      maxAgeMs,
      clock,
      rng: seededRng(1),
      log,
    });
    cleanup.push(() => server.close());
    return Object.assign(self, { fleet, server });
  };

  const proxy = async (
    name: string,
    controllers: readonly Controller[],
    sink = new RecordingSink(),
  ): Promise<{ sink: RecordingSink; sync: ProxySync }> => {
    const sync = await startProxySync({
      controllers: controllers.map(({ server }) => `127.0.0.1:${server.port}`).join(','),
      name,
      version: 'test',
      stateDir: join(dir, name),
      sink,
      clock,
      rng: seededRng(2),
      log,
      timing: { restoreAfterMs: 200, reportHoldMs: 5, trafficEveryMs: 20 },
    });
    cleanup.push(() => sync.close());
    return { sink, sync };
  };

  const pool = (uid: string, digest: string, over: Partial<PoolSnapshot> = {}): PoolSnapshot =>
    poolSnapshot({ uid, name: uid, digest, ...over });
  const publish = (to: Controller, ...snapshots: PoolSnapshot[]): void => {
    for (const snapshot of snapshots) to.fleet.publish(snapshot, { pools: '7' }, clock.now());
  };
  const serves = (sink: RecordingSink, uid: string, digest: string | undefined): Promise<true> =>
    eventually(`${uid} at ${digest}`, () => sink.serving.get(uid)?.digest === digest || undefined);
  const view = (of: Controller, name: string) => of.fleet.views().find((found) => found.name === name);

  it('brings the state of the world, changes and removals to every proxy, and their acks back', async () => {
    const c = await controller();
    publish(c, pool('a', 'a1'), pool('b', 'b1'));
    c.fleet.lead(1);
    const one = await proxy('one', [c]);
    const two = await proxy('two', [c]);
    for (const { sink } of [one, two]) {
      await serves(sink, 'a', 'a1');
      await serves(sink, 'b', 'b1');
    }
    await eventually('ready', () => c.fleet.views().every(({ ready }) => ready));
    c.applied.length = 0;
    publish(c, pool('a', 'a2', { endpoints: { v1: [endpoint(), endpoint({ port: 9001 })] } }));
    await eventually('both applied', () => c.applied.includes('a'));
    expect(one.sink.serving.get('a')).toEqual(c.fleet.published('a')!.snapshot);
    expect(view(c, 'two')!.applied.get('a')).toBe('a2');
    c.fleet.remove('b');
    await serves(two.sink, 'b', undefined);
  });

  it('keeps the last good snapshot of a pool that is refused, and applies the others', async () => {
    // I13
    const c = await controller();
    publish(c, pool('a', 'a1'), pool('b', 'b1'));
    c.fleet.lead(1);
    const { sink } = await proxy('one', [c]);
    await serves(sink, 'b', 'b1');
    sink.judge = ({ digest }) =>
      digest === 'a2'
        ? { ok: false, errors: [{ path: 'config.listeners[0].port', message: 'taken' }] }
        : { ok: true };
    publish(c, pool('a', 'a2'), pool('b', 'b2'));
    await serves(sink, 'b', 'b2');
    await eventually('the refusal', () => view(c, 'one')!.refused.has('a'));
    expect(view(c, 'one')!.refused.get('a')).toMatchObject({
      digest: 'a2',
      faults: [{ path: 'config.listeners[0].port', message: 'taken' }],
    });
    expect(sink.serving.get('a')!.digest).toBe('a1');
    publish(c, pool('a', 'a3'));
    await serves(sink, 'a', 'a3');
    expect(view(c, 'one')!.refused.has('a')).toBe(false);
  });

  it('tries again what was refused, in case the reason has gone', async () => {
    const c = await controller();
    publish(c, pool('a', 'a1'));
    c.fleet.lead(1);
    const sink = new RecordingSink();
    sink.judge = () => ({ ok: false, errors: [{ path: '', message: 'the port is taken' }] });
    await proxy('one', [c], sink);
    await eventually('the refusal', () => view(c, 'one')?.refused.has('a'));
    sink.judge = () => ({ ok: true });
    await serves(sink, 'a', 'a1');
  });

  it('sends a slow proxy the latest state, not every one in between', async () => {
    // I15
    const c = await controller();
    publish(c, pool('a', 'a0'));
    c.fleet.lead(1);
    const { sink } = await proxy('one', [c]);
    await serves(sink, 'a', 'a0');
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    sink.judge = async () => {
      await gate;
      return { ok: true };
    };
    for (let i = 1; i <= 500; i += 1) publish(c, pool('a', `a${i}`));
    release();
    await serves(sink, 'a', 'a500');
    expect(sink.applies).toBeLessThanOrEqual(3);
  });

  it('lets no older epoch change anything, and tells the one who tries', async () => {
    // I02
    const old = await controller();
    const young = await controller();
    publish(old, pool('a', 'old'));
    publish(young, pool('a', 'young'));
    const { sink } = await proxy('one', [old, young]);
    await eventually('both connected', () => old.fleet.connected + young.fleet.connected === 2);
    young.fleet.lead(5);
    await serves(sink, 'a', 'young');
    old.fleet.lead(4);
    await eventually('the news', () => old.deposed.includes(5));
    publish(old, pool('a', 'old2'));
    old.fleet.remove('a');
    publish(young, pool('a', 'young2'));
    await serves(sink, 'a', 'young2');
    expect(sink.history).toEqual(['young', 'young2']);
  });

  it('reports the health of a pool that takes longer to apply than reports wait for company', async () => {
    const c = await controller();
    publish(c, pool('a', 'a1'));
    c.fleet.lead(1);
    const { sink } = await proxy('one', [c]);
    await serves(sink, 'a', 'a1');
    const told = (uid: string) =>
      c.health.get('one')?.some((health) => health.uid === uid && health.endpoints.length > 0);
    sink.judge = async () => {
      sink.report('b', [report('Healthy')]);
      sink.report('a', [report('Healthy')]);
      await eventually('a report has gone out meanwhile', () => told('a'));
      return { ok: true };
    };
    publish(c, pool('b', 'b1'));
    await serves(sink, 'b', 'b1');
    await eventually('the new pool is reported, too', () => told('b'));
  });

  it('reports acks and health to the controllers that do not lead, so that they know when they do', async () => {
    const leader = await controller();
    const other = await controller();
    publish(leader, pool('a', 'a1'));
    leader.fleet.lead(1);
    const { sink } = await proxy('one', [leader, other]);
    await serves(sink, 'a', 'a1');
    sink.report('a', [report('Unhealthy')]);
    for (const c of [leader, other]) {
      await eventually('acks', () => view(c, 'one')?.applied.get('a') === 'a1');
      await eventually('health', () => c.health.get('one')?.at(-1)?.endpoints[0]?.state === 'Unhealthy');
      await eventually('ready', () => view(c, 'one')?.ready);
      expect(view(c, 'one')!.newest).toBeDefined();
    }
  });

  it('tells every controller what pools have carried: all of it first, then only what is news', async () => {
    const [a, b] = [await controller(), await controller()];
    const { sink } = await proxy('one', [a, b]);
    const carried = (pool: string, requests: number) => ({ pool, requests, failed: 1 });
    sink.carried = [carried('shop/a', 10), carried('shop/b', 20)];
    const said = ({ traffic }: Controller) =>
      traffic.map(({ pools }) => pools.map(({ pool, requests }) => `${pool} ${requests}`));
    for (const c of [a, b]) await eventually('all of it', () => said(c).length === 1);
    sink.carried = [carried('shop/a', 10), carried('shop/b', 25)];
    for (const c of [a, b]) {
      await eventually('the news', () => said(c).length === 2);
      expect(said(c)).toEqual([['shop/a 10', 'shop/b 20'], ['shop/b 25']]);
    }
  });

  it('goes on serving when every controller is gone, and takes the next leader’s first push as the whole truth', async () => {
    // I10
    const first = await controller();
    publish(first, pool('a', 'a1'), pool('b', 'b1'));
    first.fleet.lead(1);
    const { sink, sync } = await proxy('one', [first]);
    await serves(sink, 'b', 'b1');
    await eventually('ready', () => sync.ready);
    expect(sync.staleSeconds()).toBe(0);
    const { port } = first.server;
    await first.server.close();
    await eventually('gone', () => sync.connected === 0);
    expect(sync.staleSeconds()).toBeLessThan(10);
    await eventually('it grows old', () => sync.staleSeconds() > 0.05);
    expect([...sink.serving.keys()]).toEqual(['a', 'b']);
    const second = await controller({ port });
    publish(second, pool('b', 'b2'));
    await eventually('back', () => sync.connected === 1);
    expect([...sink.serving.keys()]).toEqual(['a', 'b']); // it does not lead yet
    second.fleet.lead(2);
    await serves(sink, 'b', 'b2');
    await serves(sink, 'a', undefined);
  });

  it('does not remove a pool that exists but cannot be compiled', async () => {
    const first = await controller();
    publish(first, pool('a', 'a1'));
    first.fleet.lead(1);
    const { sink } = await proxy('one', [first]);
    await serves(sink, 'a', 'a1');
    const { port } = first.server;
    await first.server.close();
    const second = await controller({ port });
    second.fleet.keep('a');
    publish(second, pool('b', 'b1'));
    second.fleet.lead(2);
    await serves(sink, 'b', 'b1');
    await eventually('synced', () => view(second, 'one')?.ready);
    expect(sink.serving.get('a')!.digest).toBe('a1');
  });

  it('cuts off a proxy that does not acknowledge', async () => {
    const c = await controller({ ackTimeoutMs: 100 });
    publish(c, pool('a', 'a1'));
    c.fleet.lead(1);
    const sink = new RecordingSink();
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    sink.judge = async () => {
      await gate;
      return { ok: true };
    };
    await proxy('one', [c], sink);
    await eventually('connected', () => c.fleet.connected === 1);
    await eventually('cut off', () => c.fleet.connected === 0);
    release();
    sink.judge = () => ({ ok: true });
    await eventually('back and applied', () => view(c, 'one')?.applied.get('a') === 'a1');
  });

  it('sends another namespace’s change next, however much one has waiting', async () => {
    // J14
    const c = await controller();
    c.fleet.lead(1);
    const { sink } = await proxy('one', [c]);
    await eventually('connected', () => c.fleet.connected === 1);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    sink.judge = async () => {
      await held;
      return { ok: true };
    };
    const many = Array.from({ length: 200 }, (_, i) => endpoint({ address: `10.0.0.${i}` }));
    const count = 300;
    for (let i = 0; i < count; i += 1) {
      publish(c, pool(`t${i}`, `t${i}`, { namespace: 'tenant', endpoints: { v1: many } }));
    }
    await eventually('the window is full', () => c.pushedBytes > 900_000);
    publish(c, pool('checkout', 'checkout', { namespace: 'shop' }));
    release();
    await serves(sink, 'checkout', 'checkout');
    await eventually('all', () => sink.history.length === count + 1);
    expect(sink.history.indexOf('checkout')).toBeLessThan(count / 2);
  });

  it('bounds what is on its way to a proxy that reads nothing', async () => {
    // I15
    const c = await controller({ ackTimeoutMs: 60_000 });
    const many = Array.from({ length: 200 }, (_, i) => endpoint({ address: `10.0.0.${i}` }));
    for (let i = 0; i < 200; i += 1) publish(c, pool(`p${i}`, 'd', { endpoints: { v1: many } }));
    c.fleet.lead(1);
    const client = new Client(`127.0.0.1:${c.server.port}`, credentials.createInsecure());
    const stream: ClientDuplexStream<Buffer, ToProxyBody | undefined> = client.makeBidiStreamRequest(
      CONTROL_METHOD,
      (message: Buffer) => message,
      decodeToProxy,
    );
    stream.on('error', () => undefined);
    stream.write(encodeToController({ case: 'hello', value: { proxy: 'deaf' } }));
    await eventually('some pushes', () => c.pushedBytes > 500_000);
    expect(c.pushedBytes).toBeLessThan(1_200_000);
    const other = await proxy('fine', [c]);
    await serves(other.sink, 'p199', 'd');
    stream.cancel();
    client.close();
  });

  it('refuses a stream that does not say hello, and messages larger than it takes', async () => {
    // J10
    const c = await controller();
    for (const first of [
      encodeToController({ case: 'ready', value: {} }),
      encodeToController({ case: 'hello', value: { proxy: 'x'.repeat(5 * 1024 * 1024) } }),
    ]) {
      const client = new Client(`127.0.0.1:${c.server.port}`, credentials.createInsecure(), {
        'grpc.max_send_message_length': -1,
      });
      const stream = client.makeBidiStreamRequest(
        CONTROL_METHOD,
        (message: Buffer) => message,
        decodeToProxy,
      );
      const refused = new Promise((resolve) => stream.on('error', resolve));
      stream.on('data', () => undefined);
      stream.write(first);
      expect(await refused).toMatchObject({ code: expect.any(Number) as number });
      client.close();
    }
    expect(c.fleet.connected).toBe(0);
  });

  it('does not unpack a message that is far larger than it looks', async () => {
    // J10
    const c = await controller();
    const client = new Client(`127.0.0.1:${c.server.port}`, credentials.createInsecure(), {
      'grpc.max_send_message_length': -1,
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    });
    cleanup.push(async () => client.close());
    const stream = client.makeBidiStreamRequest(CONTROL_METHOD, (message: Buffer) => message, decodeToProxy);
    const refused = new Promise((resolve) => stream.on('error', resolve));
    stream.on('data', () => undefined);
    const bomb = encodeToController({ case: 'hello', value: { proxy: 'x'.repeat(64 * 1024 * 1024) } });
    expect(gzipSync(bomb).byteLength).toBeLessThan(100 * 1024);
    stream.write(bomb);
    expect(await refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(c.fleet.connected).toBe(0);
  });

  it('brings 500 proxies that come back at once in step', async () => {
    // I14
    const names = Array.from({ length: 500 }, (_, i) => `p${i}`);
    const first = await controller();
    publish(first, pool('a', 'a1'), pool('b', 'b1'));
    first.fleet.lead(1);
    const proxies = await Promise.all(names.map((name) => proxy(name, [first])));
    const inStep = (uid: string, digest: string): Promise<true> =>
      eventually(
        `${uid} at ${digest} everywhere`,
        () => proxies.every(({ sink }) => sink.serving.get(uid)?.digest === digest),
        60_000,
      );
    await inStep('b', 'b1');
    const { port } = first.server;
    await first.server.close();
    const second = await controller({ port });
    publish(second, pool('a', 'a2'), pool('b', 'b1'));
    second.fleet.lead(2);
    await inStep('a', 'a2');
    await eventually(
      'acknowledged',
      () => second.applied.includes('a') && second.applied.includes('b'),
      60_000,
    );
    expect(second.fleet.connected).toBe(500);
    expect(second.nacks).toEqual([]);
    for (const { sink } of proxies) expect(sink.history.filter((digest) => digest === 'b1')).toHaveLength(1);
  }, 120_000);

  it('ends streams at their age, and proxies come back without losing anything', async () => {
    const c = await controller({ maxAgeMs: 100 });
    publish(c, pool('a', 'a1'));
    c.fleet.lead(1);
    const { sink } = await proxy('one', [c]);
    await serves(sink, 'a', 'a1');
    await eventually('a new stream', () => c.fleet.connected === 0);
    publish(c, pool('a', 'a2'));
    await serves(sink, 'a', 'a2');
  });
});

function report(state: 'Healthy' | 'Unhealthy'): EndpointReport {
  return {
    backend: 'v1',
    address: '127.0.0.1',
    port: 9000,
    targetUid: 'static',
    verdict: { state, source: 'Active', reason: 'ConnectRefused', message: 'refused', since: 1 },
  };
}
