import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { PoolRemovals } from '../../../../controller/watch/pool-removals.ts';
import { Store } from '../../../../controller/watch/store.ts';
import type { StoredPool } from '../../../../controller/watch/trim.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const pool = (name: string, uid = name): StoredPool =>
  ({ metadata: { namespace: 'shop', name, uid }, resourceVersion: '1' }) as StoredPool;

describe('pools that are deleted', () => {
  let clock: FakeClock;
  let stands: boolean | Error;
  let store: Store<StoredPool>;
  let removals: PoolRemovals;

  beforeEach(() => {
    clock = new FakeClock();
    stands = true;
    store = new Store<StoredPool>({ matters: ({ metadata }) => metadata, changed: () => undefined });
    removals = new PoolRemovals({
      store,
      definitionStands: async () => {
        if (stands instanceof Error) throw stands;
        return stands;
      },
      clock,
      log: pino({ level: 'silent' }),
    });
    removals.replace([pool('a'), pool('b')]);
  });

  const turn = async (ms: number): Promise<void> => {
    for (let left = ms; left >= 0; left -= 1_000) {
      clock.advance(Math.min(left, 1_000));
      for (let i = 0; i < 10; i += 1) await Promise.resolve();
    }
  };
  const names = (): string[] => [...store.values()].map(({ metadata }) => metadata.name);

  it('go at once when somebody deletes them', async () => {
    removals.remove(pool('a'));
    await turn(0);
    expect(names()).toEqual(['b']);
    removals.replace([]);
    await turn(0);
    expect(names()).toEqual([]);
  });

  it('stay while their CRD is on its way out, and when it is gone', async () => {
    // I17
    stands = false;
    removals.remove(pool('a'));
    removals.remove(pool('b'));
    await turn(3_600_000);
    expect(names()).toEqual(['a', 'b']);
  });

  it('are taken over by those that come back with the CRD, and go a minute later when they do not', async () => {
    // I17
    stands = false;
    removals.remove(pool('a'));
    removals.remove(pool('b'));
    await turn(10_000);
    stands = true;
    removals.replace([]);
    await turn(20_000);
    removals.put(pool('a', 'new'));
    expect([...store.values()].map(({ metadata }) => metadata.uid)).toEqual(['new', 'b']);
    await turn(70_000);
    expect(names()).toEqual(['a']);
  });

  it('stay until it is known whether the CRD is there', async () => {
    stands = new Error('the API server is away');
    removals.remove(pool('a'));
    await turn(30_000);
    expect(names()).toEqual(['a', 'b']);
    stands = true;
    await turn(2_000);
    expect(names()).toEqual(['b']);
  });
});
