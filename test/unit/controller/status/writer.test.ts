import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PoolStatus } from '../../../../api/pool.gen.ts';
import { StatusWriter } from '../../../../controller/status/writer.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { seededRng } from '../../../support/seeded-rng.ts';

const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i += 1) await Promise.resolve();
};

describe('StatusWriter', () => {
  let clock: FakeClock;
  let wanted: Map<string, PoolStatus>;
  let stored: Map<string, PoolStatus>;
  let writes: { uid: string; at: number }[];
  let leading: boolean;
  let fail: boolean;
  let broken: string | undefined;
  let writer: StatusWriter;

  const status = (reason: string, message = ''): PoolStatus => ({
    observedGeneration: 1,
    conditions: [{ type: 'Accepted', status: 'True', reason, message, lastTransitionTime: 't' }],
  });
  const want = (uid: string, next: PoolStatus): void => {
    wanted.set(uid, next);
    writer.request(uid);
  };
  const turn = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 10) {
      clock.advance(Math.min(10, left));
      await settle();
    }
  };

  beforeEach(() => {
    clock = new FakeClock();
    wanted = new Map();
    stored = new Map();
    writes = [];
    leading = true;
    fail = false;
    broken = undefined;
    writer = new StatusWriter({
      compute: (uid) => {
        if (uid === broken) throw new Error('a bug');
        const next = wanted.get(uid);
        return next === undefined ? undefined : { status: next, before: stored.get(uid) };
      },
      write: async (uid, next) => {
        writes.push({ uid, at: clock.now() });
        if (fail) throw new Error('no');
        stored.set(uid, next);
        return true;
      },
      written: () => undefined,
      leading: () => leading,
      tenantOf: (uid) => uid.split('/')[0]!,
      clock,
      rng: seededRng(1),
      log: pino({ level: 'silent' }),
      limits: { burst: 100 },
    });
  });

  it('writes the first status soon, and nothing that equals what is there', async () => {
    want('a', status('x'));
    await turn(100);
    expect(writes).toHaveLength(1);
    want('a', status('x'));
    await turn(20_000);
    expect(writes).toHaveLength(1);
  });

  it('writes what turned at most once a second, and the last state in the end', async () => {
    // I19
    for (let i = 0; i < 500; i += 1) {
      want('a', status(`r${i}`));
      await turn(10);
    }
    await turn(2_000);
    expect(writes.length).toBeGreaterThanOrEqual(5);
    expect(writes.length).toBeLessThanOrEqual(7);
    expect(stored.get('a')).toEqual(status('r499'));
  });

  it('writes details at most every 10 s', async () => {
    want('a', status('x', 'm0'));
    await turn(100);
    for (let i = 1; i <= 20; i += 1) {
      want('a', status('x', `m${i}`));
      await turn(1_000);
    }
    await turn(11_000);
    expect(writes.length).toBeLessThanOrEqual(4);
    expect(stored.get('a')).toEqual(status('x', 'm20'));
  });

  it('keeps to one budget for all pools, after a burst', async () => {
    for (let i = 0; i < 300; i += 1) want(`p${i}`, status('x'));
    await turn(1_000);
    expect(writes.length).toBeGreaterThanOrEqual(100);
    expect(writes.length).toBeLessThanOrEqual(125);
    await turn(12_000);
    expect(stored.size).toBe(300);
  });

  it('lets a tenant with thousands of pools keep nobody else’s status waiting', async () => {
    // J14
    for (let i = 0; i < 10_000; i += 1) want(`tenant/p${i}`, status('x'));
    await turn(1_000);
    const before = writes.length;
    want('shop/checkout', status('x'));
    want('bank/api', status('x'));
    await turn(500);
    const after = writes.slice(before).map(({ uid }) => uid);
    expect(after.slice(0, 4)).toEqual(expect.arrayContaining(['shop/checkout', 'bank/api']));
    expect(after.length).toBeGreaterThan(4);
    expect(stored.size).toBeLessThan(200);
  });

  it('writes all others when one cannot be worked out, and that one when it can', async () => {
    // I13
    broken = 'a';
    want('a', status('x'));
    want('b', status('x'));
    await turn(200);
    expect([...stored.keys()]).toEqual(['b']);
    broken = undefined;
    await turn(2_000);
    expect([...stored.keys()]).toEqual(['b', 'a']);
  });

  it('remembers nothing of pools that there are not', async () => {
    // J10
    want('a', status('x'));
    for (let i = 0; i < 1_000; i += 1) writer.request(`none/${i}`);
    await turn(1_000);
    expect(writer.size).toBe(1);
  });

  it('works a costly status out now and then, however often it is asked for', async () => {
    // R12: 10,000 endpoints that change 100 times a second
    let spentMs = 0;
    let computed = 0;
    const latest = new Map<string, PoolStatus>();
    const costly = new StatusWriter({
      compute: (uid) => {
        computed += 1;
        spentMs += 10;
        const before = latest.get(uid);
        return { status: status('x', `m${computed}`), before };
      },
      write: async (uid, next) => {
        latest.set(uid, next);
        return true;
      },
      written: () => undefined,
      leading: () => true,
      tenantOf: () => 'shop',
      clock: {
        now: () => clock.now() + spentMs,
        wall: () => clock.wall(),
        after: (ms, fn) => clock.after(ms, fn),
      },
      rng: seededRng(1),
      log: pino({ level: 'silent' }),
    });
    for (let i = 0; i < 1_000; i += 1) {
      costly.request('a');
      await turn(10);
    }
    expect(computed).toBeLessThan(60);
    expect(latest.get('a')).toBeDefined();
    await turn(20_000);
    expect(latest.get('a')).toEqual(status('x', `m${computed}`));
  });

  it('tries a failed write again with back-off, and lets the others pass', async () => {
    // I18
    fail = true;
    want('a', status('x'));
    await turn(100);
    fail = false;
    want('b', status('x'));
    await turn(100);
    expect([...stored.keys()]).toEqual(['b']);
    await turn(2_000);
    expect([...stored.keys()]).toEqual(['b', 'a']);
  });

  it('writes nothing when it does not lead', async () => {
    leading = false;
    want('a', status('x'));
    await turn(5_000);
    expect(writes).toHaveLength(0);
  });

  it('forgets pools that are gone', async () => {
    want('a', status('x'));
    writer.forget('a');
    await turn(5_000);
    expect(writes).toHaveLength(0);
  });
});
