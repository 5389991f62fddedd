import { create } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeToProxy, encodeToController, decodeToController } from '../../../../api/control.ts';
import { HelloSchema, type PoolUpdate } from '../../../../api/control_pb.ts';
import type { Fleet } from '../../../../controller/push/fleet.ts';
import type { ControlServerStream, Session } from '../../../../controller/push/session.ts';
import { endpoint, poolSnapshot } from '../../../support/builders.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { quietFleet } from '../../../support/quiet-fleet.ts';

/** A proxy's end of a stream: what was written to it, and how it answers. */
class FakeProxy {
  readonly sent: Buffer[] = [];
  readonly session: Session;
  cutOff = false;

  constructor(fleet: Fleet, name: string) {
    const stream = {
      write: (message: Buffer) => this.sent.push(message),
      end: () => undefined,
      emit: () => (this.cutOff = true),
    };
    this.session = fleet.join(
      stream as unknown as ControlServerStream,
      create(HelloSchema, { proxy: name, ready: true }),
    );
  }

  /** The updates of each message since the last call. */
  take(): PoolUpdate[][] {
    return this.sent.splice(0).flatMap((message) => {
      const body = decodeToProxy(message)!;
      if (body.case === 'update') return [[body.value]];
      return body.case === 'updates' ? [body.value.updates] : [];
    });
  }

  ack(...updates: readonly PoolUpdate[]): void {
    const acks = updates.map(({ uid, digest, epoch }) => ({ uid, digest, epoch }));
    this.session.receive(decodeToController(encodeToController({ case: 'acks', value: { acks } }))!);
  }
}

describe('the stream of one proxy', () => {
  let clock: FakeClock;
  let fleet: Fleet;

  beforeEach(() => {
    clock = new FakeClock();
    fleet = quietFleet(clock);
    fleet.lead(1);
  });

  const publish = (uid: string, digest: string, bytes = 0): void =>
    fleet.publish(
      poolSnapshot({
        uid,
        digest,
        endpoints: { v1: [endpoint({ targetUid: digest, zone: 'z'.repeat(bytes) })] },
      }),
      {},
      clock.now(),
    );
  /** What is published together has gone out. */
  const published = (): Promise<void> => Promise.resolve();
  const names = (messages: readonly PoolUpdate[][]): string[][] =>
    messages.map((updates) => updates.map(({ digest }) => digest));

  it('has one message under way, and then all that has changed meanwhile, each in its latest state', async () => {
    const proxy = new FakeProxy(fleet, 'one');
    publish('a', 'a1');
    publish('b', 'b1');
    await published();
    const [first] = proxy.take();
    expect(names([first!])).toEqual([['a1', 'b1']]);

    for (const digest of ['a2', 'a3']) publish('a', digest);
    publish('c', 'c1');
    await published();
    proxy.ack(first![0]!);
    expect(proxy.take()).toEqual([]); // b is still under way
    proxy.ack(first![1]!);
    const [second] = proxy.take();
    expect(second).toMatchObject([
      { digest: 'a3', baseDigest: 'a1' },
      { digest: 'c1', baseDigest: '' },
    ]);
    proxy.ack(...second!);
    expect(proxy.take()).toEqual([]);
  });

  it('shares what was made for it with all that are equally far on', async () => {
    const proxies = ['one', 'two', 'three'].map((name) => new FakeProxy(fleet, name));
    for (const { sent } of proxies) sent.length = 0;
    publish('a', 'a1');
    publish('b', 'b1');
    await published();
    const messages = proxies.map(({ sent }) => sent.at(-1));
    expect(names(proxies[0]!.take())).toEqual([['a1', 'b1']]);
    expect(new Set(messages).size).toBe(1);
  });

  it('is not filled with more than a megabyte, except by a single pool', async () => {
    const proxy = new FakeProxy(fleet, 'one');
    publish('a', 'a1', 700_000);
    publish('b', 'b1', 700_000);
    publish('large', 'l1', 3_000_000);
    await published();
    for (const digest of ['a1', 'b1', 'l1']) {
      const [updates] = proxy.take();
      expect(names([updates!])).toEqual([[digest]]);
      proxy.ack(...updates!);
    }
  });

  it('is not broken by a pool that is more than a proxy takes, which counts as refused until it is less', async () => {
    // I13
    const proxy = new FakeProxy(fleet, 'one');
    proxy.sent.length = 0;
    publish('a', 'a1');
    await published();
    proxy.ack(...proxy.take().flat());
    publish('a', 'a2', 33 * 1024 * 1024);
    publish('b', 'b1');
    await published();
    const others = proxy.take();
    expect(names(others)).toEqual([['b1']]);
    proxy.ack(...others.flat());
    const [view] = fleet.views();
    expect(view!.applied.get('a')).toBe('a1');
    expect(view!.refused.get('a')).toMatchObject({ digest: 'a2' });
    expect(view!.refused.get('a')!.faults[0]!.message).toContain('32 MiB');

    publish('a', 'a3');
    await published();
    const less = proxy.take();
    expect(names(less)).toEqual([['a3']]);
    proxy.ack(...less.flat());
    expect(view!.refused.size).toBe(0);
  });

  it('ends a first sync though one of the pools is more than a proxy takes', async () => {
    // I13
    publish('a', 'a1', 33 * 1024 * 1024);
    publish('b', 'b1');
    const proxy = new FakeProxy(fleet, 'one');
    const last = decodeToProxy(proxy.sent.at(-1)!)!;
    expect(last).toMatchObject({ case: 'syncEnd', value: { uids: ['a', 'b'] } });
  });

  it('is cut off when any part of a message is not answered in time', async () => {
    const proxy = new FakeProxy(fleet, 'one');
    publish('a', 'a1');
    publish('b', 'b1');
    await published();
    const [[a, b] = []] = proxy.take();
    proxy.ack(a!, b!);
    clock.advance(60_000);
    expect(proxy.cutOff).toBe(false);
    publish('a', 'a2');
    publish('b', 'b2');
    await published();
    proxy.ack(proxy.take()[0]![0]!);
    clock.advance(30_001);
    expect(proxy.cutOff).toBe(true);
  });
});
