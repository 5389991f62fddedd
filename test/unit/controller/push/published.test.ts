import { describe, expect, it } from 'vitest';
import { decodeToProxy } from '../../../../api/control.ts';
import { PublishedPool } from '../../../../controller/push/published.ts';
import { endpoint, poolSnapshot } from '../../../support/builders.ts';

const snapshot = (digest: string, addresses: readonly string[]) =>
  poolSnapshot({ digest, endpoints: { v1: addresses.map((address) => endpoint({ address })) } });

describe('a published pool', () => {
  it('is encoded once for any number of proxies, and once for each state that they come from', () => {
    // I14
    const pool = new PublishedPool(snapshot('a', ['10.0.0.1']), {}, 0);
    const whole = pool.message(1, undefined);
    for (let proxy = 0; proxy < 500; proxy += 1) expect(pool.message(1, undefined)).toBe(whole);
    pool.replace(snapshot('b', ['10.0.0.1', '10.0.0.2']), {}, 1);
    const delta = pool.message(1, 'a');
    for (let proxy = 0; proxy < 500; proxy += 1) expect(pool.message(1, 'a')).toBe(delta);
    expect(decodeToProxy(delta!)).toMatchObject({ value: { digest: 'b', baseDigest: 'a' } });
    expect(pool.message(1, undefined)).not.toBe(whole);
  });

  it('goes whole to a proxy with a state that nobody remembers, and to all in a new epoch', () => {
    const pool = new PublishedPool(snapshot('a', ['10.0.0.1']), {}, 0);
    pool.replace(snapshot('b', ['10.0.0.2']), {}, 1);
    expect(decodeToProxy(pool.message(1, 'unknown')!)).toMatchObject({ value: { baseDigest: '' } });
    const before = pool.message(1, 'a');
    expect(pool.message(2, 'a')).not.toBe(before);
    expect(decodeToProxy(pool.message(2, 'a')!)).toMatchObject({ value: { epoch: 2, baseDigest: 'a' } });
  });

  it('has nothing to send when only its generation is new', () => {
    const pool = new PublishedPool(snapshot('a', ['10.0.0.1']), {}, 0);
    const whole = pool.message(1, undefined);
    expect(pool.replace({ ...snapshot('a', ['10.0.0.1']), generation: 2 }, {}, 1)).toBe(false);
    expect(pool.message(1, undefined)).toBe(whole);
    expect(pool.snapshot.generation).toBe(2);
  });
});
