import { describe, expect, it } from 'vitest';
import type {
  BackendRef,
  Endpoint,
  FailOpen,
  LoadBalancing,
  SessionAffinity,
} from '../../../../api/snapshot.ts';
import { mix32 } from '../../../../proxy/balancer/mix.ts';
import { DRAINING, EXCLUDED, HEALTHY, READY } from '../../../../proxy/state/shared-table.ts';
import { backendRef, endpoint, poolConfig, route } from '../../../support/builders.ts';
import { PoolFixture, selectRequest } from '../../../support/pool-upstreams.ts';

const UP = READY | HEALTHY;
const SICK = READY;
const COOKIE: SessionAffinity = { type: 'Cookie', cookie: { name: 'ek_aff' } };

/** Endpoints of a backend: v1 has 10.0.1.1, 10.0.1.2, …, v2 has 10.0.2.1, … */
function hosts(subnet: number, count: number): Endpoint[] {
  return Array.from({ length: count }, (_, index) => endpoint({ address: `10.0.${subnet}.${index + 1}` }));
}

function refs(...refs: Partial<BackendRef>[]): { defaultBackendRefs: BackendRef[] } {
  return { defaultBackendRefs: refs.map((ref) => backendRef(ref)) };
}

function balancing(over: Partial<LoadBalancing>): { loadBalancing: LoadBalancing } {
  return { loadBalancing: { ...poolConfig().loadBalancing, ...over } };
}

function counts(addresses: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const address of addresses) counts[address] = (counts[address] ?? 0) + 1;
  return counts;
}

function failOpen(failOpen: FailOpen): { failOpen: FailOpen } {
  return { failOpen };
}

describe('BackendSelector, step 1: the refs', () => {
  const routes = [
    route({ name: 'gold', backendRefs: [backendRef({ name: 'v2' })] }),
    route({ name: 'plain', backendRefs: [] }),
  ];
  const fixture = new PoolFixture({ v1: hosts(1, 1), v2: hosts(2, 1) }, { ...refs({ name: 'v1' }), routes });

  it("takes a route's, else the pool's", () => {
    expect(fixture.select({}, { name: 'gold' })).toBe('10.0.2.1');
    expect(fixture.select({}, { name: 'plain' })).toBe('10.0.1.1');
    expect(fixture.select()).toBe('10.0.1.1');
  });
});

describe('BackendSelector, step 2: the endpoint of a cookie', () => {
  const two = { v1: hosts(1, 2), v2: hosts(2, 1) };
  const config = { ...refs({ name: 'v1' }, { name: 'v2', weight: 0, priority: 1 }), sessionAffinity: COOKIE };

  it('wins over weight and priority', () => {
    const fixture = new PoolFixture(two, config);
    const bound = fixture.bindingTo(fixture.endpoint('v2', 0));
    expect(fixture.selects(3, { bound })).toEqual(['10.0.2.1', '10.0.2.1', '10.0.2.1']);
    expect(fixture.pool.selector(undefined).rebinds(bound)).toBe(false);
  });

  it('keeps a session at an endpoint that drains, and takes nothing new there', () => {
    const fixture = new PoolFixture(two, config);
    const bound = fixture.bindingTo(fixture.endpoint('v1', 0));
    fixture.setFlags('v1', 0, READY | HEALTHY | DRAINING);
    expect(fixture.select({ bound })).toBe('10.0.1.1');
    expect(fixture.selects(2)).toEqual(['10.0.1.2', '10.0.1.2']);
  });

  it('keeps a session at a terminating endpoint, which is no longer ready', () => {
    const fixture = new PoolFixture(two, config);
    fixture.setFlags('v1', 1, HEALTHY | DRAINING);
    expect(fixture.select({ bound: fixture.bindingTo(fixture.endpoint('v1', 1)) })).toBe('10.0.1.2');
  });

  // D13
  it.each([
    ['unhealthy', SICK],
    ['excluded', UP | EXCLUDED],
    ['not ready', HEALTHY],
  ])('binds anew when the endpoint is %s', (_name, flags) => {
    const fixture = new PoolFixture(two, config);
    const bound = fixture.bindingTo(fixture.endpoint('v1', 0));
    fixture.setFlags('v1', 0, flags);
    expect(fixture.select({ bound })).toBe('10.0.1.2');
    expect(fixture.pool.selector(undefined).rebinds(bound)).toBe(true);
  });

  // D13
  it('binds anew when the endpoint is gone, and not to a new pod on its address', () => {
    const fixture = new PoolFixture(two, config);
    const bound = fixture.bindingTo(fixture.endpoint('v1', 0));
    const [first, second] = two.v1;
    fixture.select({ bound });
    fixture.update({ ...two, v1: [{ ...first!, targetUid: 'a-new-pod' }, second!] });
    expect(fixture.pool.selector(undefined).rebinds(bound)).toBe(true);
    expect(fixture.selects(3, { bound })).toEqual(['10.0.1.1', '10.0.1.2', '10.0.1.1']);
  });

  it('finds endpoints that came after the first cookie did', () => {
    const fixture = new PoolFixture(two, config);
    fixture.select({ bound: 'x' });
    fixture.update({ ...two, v1: hosts(1, 3) });
    const bound = fixture.bindingTo(fixture.endpoint('v1', 2));
    expect(fixture.selects(2, { bound })).toEqual(['10.0.1.3', '10.0.1.3']);
  });

  // D14
  it.each(['169.254.169.254:80', '10.0.1.1:9000', '../v1', '', 'a'.repeat(100)])(
    'ignores a cookie that nobody made: %j',
    (bound) => {
      const fixture = new PoolFixture(two, config);
      expect(fixture.selects(2, { bound })).toEqual(['10.0.1.1', '10.0.1.2']);
      expect(fixture.pool.selector(undefined).rebinds(bound)).toBe(true);
    },
  );

  it('ignores the endpoint of another pool and of a backend that is not among the refs', () => {
    const fixture = new PoolFixture(
      { v1: hosts(1, 1), v2: hosts(2, 1) },
      { ...refs({}), sessionAffinity: COOKIE },
    );
    expect(fixture.select({ bound: fixture.bindingTo(fixture.endpoint('v2', 0)) })).toBe('10.0.1.1');
    const other = new PoolFixture(two, config, 'uid-2');
    const foreign = other.bindingTo(other.endpoint('v2', 0));
    expect(new PoolFixture(two, config).select({ bound: foreign })).toBe('10.0.1.1');
  });

  it('ignores cookies when the pool has no affinity', () => {
    const fixture = new PoolFixture(two, config);
    const bound = fixture.bindingTo(fixture.endpoint('v2', 0));
    fixture.update(two, { sessionAffinity: { type: 'None' } });
    expect(fixture.select({ bound })).toBe('10.0.1.1');
    expect(fixture.pool.selector(undefined).rebinds(undefined)).toBe(false);
  });

  it('goes elsewhere for once when the endpoint is full, and stays bound', () => {
    const fixture = new PoolFixture(two, config);
    const bound = fixture.bindingTo(fixture.endpoint('v1', 0));
    const busy = fixture.endpoint('v1', 0);
    busy.tryAcquire(1);
    expect(fixture.select({ bound, maxInFlight: 1 })).toBe('10.0.1.2');
    expect(fixture.pool.selector(undefined).rebinds(bound)).toBe(false);
    busy.release();
    expect(fixture.select({ bound, maxInFlight: 1 })).toBe('10.0.1.1');
  });

  it('does not send a retry back to the endpoint that just failed', () => {
    const fixture = new PoolFixture(two, config);
    const first = fixture.endpoint('v1', 0);
    expect(fixture.select({ bound: fixture.bindingTo(first), tried: [first] })).toBe('10.0.1.2');
  });
});

describe('BackendSelector, step 3: priorities', () => {
  const two = { v1: hosts(1, 4), dr: hosts(2, 2) };
  const config = {
    ...refs({ name: 'v1' }, { name: 'dr', priority: 1 }),
    ...balancing({ failover: { minHealthyPercent: 50, failbackDelayMs: 30_000 } }),
  };
  const isDr = (address: string): boolean => address.startsWith('10.0.2.');

  it('stays with the first while enough of it is healthy', () => {
    const fixture = new PoolFixture(two, config);
    fixture.setFlags('v1', 0, SICK);
    fixture.setFlags('v1', 1, SICK);
    expect(fixture.selects(8).some(isDr)).toBe(false);
  });

  it('gives everything to the next when it falls below', () => {
    const fixture = new PoolFixture(two, config);
    for (const index of [0, 1, 2]) fixture.setFlags('v1', index, SICK);
    expect(fixture.selects(8).every(isDr)).toBe(true);
  });

  it('counts only what is ready: draining and excluded endpoints are not held against it', () => {
    const fixture = new PoolFixture(two, config);
    fixture.setFlags('v1', 0, UP | DRAINING);
    fixture.setFlags('v1', 1, UP | EXCLUDED);
    fixture.setFlags('v1', 2, 0);
    expect(fixture.selects(3)).toEqual(['10.0.1.4', '10.0.1.4', '10.0.1.4']);
  });

  it('takes the healthiest when none has enough', () => {
    const fixture = new PoolFixture({ v1: hosts(1, 4), dr: hosts(2, 3) }, config);
    for (const index of [0, 1, 2]) fixture.setFlags('v1', index, SICK);
    for (const index of [0, 1]) fixture.setFlags('dr', index, SICK);
    expect(fixture.selects(4).every(isDr)).toBe(true);
    fixture.setFlags('dr', 2, SICK);
    expect(fixture.selects(2)).toEqual(['10.0.1.4', '10.0.1.4']);
  });

  it('goes back only after the better one has been well for the delay', () => {
    const fixture = new PoolFixture(two, config);
    fixture.select();
    fixture.setAll('v1', SICK);
    expect(isDr(fixture.select())).toBe(true);
    fixture.clock.advance(60_000);
    fixture.setAll('v1', UP);
    expect(isDr(fixture.select())).toBe(true);
    fixture.clock.advance(29_999);
    expect(isDr(fixture.select())).toBe(true);
    fixture.clock.advance(1);
    expect(isDr(fixture.select())).toBe(false);
  });

  it('counts the delay from when it was well, also when no request came meanwhile', () => {
    const fixture = new PoolFixture(two, config);
    fixture.select();
    fixture.setAll('v1', SICK);
    fixture.select();
    fixture.setAll('v1', UP);
    fixture.clock.advance(30_000);
    expect(isDr(fixture.select())).toBe(false);
  });

  it('starts the delay again when it falls below once more', () => {
    const fixture = new PoolFixture(two, config);
    fixture.select();
    fixture.setAll('v1', SICK);
    fixture.select();
    fixture.setAll('v1', UP);
    fixture.select();
    fixture.clock.advance(20_000);
    fixture.setAll('v1', SICK);
    fixture.select();
    fixture.setAll('v1', UP);
    fixture.clock.advance(20_000);
    expect(isDr(fixture.select())).toBe(true);
    fixture.clock.advance(10_000);
    expect(isDr(fixture.select())).toBe(false);
  });

  it('goes back at once when the one in use has nothing left', () => {
    const fixture = new PoolFixture(two, config);
    fixture.select();
    fixture.setAll('v1', SICK);
    fixture.select();
    fixture.setAll('v1', UP);
    fixture.setAll('dr', SICK);
    expect(isDr(fixture.select())).toBe(false);
  });

  it('waits for a return through a change of configuration', () => {
    const fixture = new PoolFixture(two, config);
    fixture.select();
    fixture.setAll('v1', SICK);
    fixture.select();
    fixture.setAll('v1', UP);
    fixture.clock.advance(10_000);
    fixture.update();
    expect(isDr(fixture.select())).toBe(true);
    fixture.clock.advance(20_000);
    expect(isDr(fixture.select())).toBe(false);
  });

  it('does not wait at a start, when the lesser priority happens to be well first', () => {
    const fixture = new PoolFixture(two, config);
    fixture.setAll('v1', SICK);
    expect(isDr(fixture.select())).toBe(true);
    fixture.setAll('v1', UP);
    expect(isDr(fixture.select())).toBe(false);
  });
});

describe('BackendSelector, step 4: the backend', () => {
  const three = { v1: hosts(1, 2), v2: hosts(2, 1), v3: hosts(3, 1) };
  const config = refs({ name: 'v1', weight: 3 }, { name: 'v2', weight: 1 }, { name: 'v3', weight: 0 });

  it('is chosen by weight, smoothly; one of weight 0 gets nothing', () => {
    const fixture = new PoolFixture(three, config);
    const subnets = fixture.selects(8).map((address) => address.split('.')[2]);
    expect(subnets).toEqual(['1', '1', '2', '1', '1', '1', '2', '1']);
  });

  it('is one that has an eligible endpoint', () => {
    const fixture = new PoolFixture(three, config);
    fixture.setAll('v1', SICK);
    expect(fixture.selects(3)).toEqual(['10.0.2.1', '10.0.2.1', '10.0.2.1']);
  });

  it('is none when all weights are 0', () => {
    const fixture = new PoolFixture(three, refs({ name: 'v1', weight: 0 }, { name: 'v2', weight: 0 }));
    expect(fixture.select()).toBe('no-weight');
  });

  it('does not count towards failover with weight 0', () => {
    const priorities = refs({ name: 'v1' }, { name: 'v2', weight: 0 }, { name: 'v3', priority: 1 });
    const fixture = new PoolFixture(three, priorities);
    fixture.setAll('v1', SICK);
    expect(fixture.select()).toBe('10.0.3.1');
  });

  it('follows the key when the algorithm hashes, in the same proportions', () => {
    const fixture = new PoolFixture(three, { ...config, ...balancing({ algorithm: 'SourceIPHash' }) });
    const keys = Array.from({ length: 20_000 }, (_, i) => mix32(i));
    const first = keys.map((hashKey) => fixture.select({ hashKey }));
    expect(keys.map((hashKey) => fixture.select({ hashKey }))).toEqual(first);
    const { '10.0.1.1': a, '10.0.1.2': b, '10.0.2.1': c } = counts(first);
    expect(a! / 20_000).toBeCloseTo(0.375, 1.8);
    expect(b! / 20_000).toBeCloseTo(0.375, 1.8);
    expect(c! / 20_000).toBeCloseTo(0.25, 1.8);
  });

  it('moves no more keys than a changed weight demands when the algorithm hashes', () => {
    const hashing = balancing({ algorithm: 'SourceIPHash' });
    const fixture = new PoolFixture(three, { ...config, ...hashing });
    const keys = Array.from({ length: 20_000 }, (_, i) => mix32(i));
    const before = keys.map((hashKey) => fixture.select({ hashKey }));
    fixture.update(three, refs({ name: 'v1', weight: 2 }, { name: 'v2', weight: 2 }));
    const moved = keys.filter((hashKey, i) => fixture.select({ hashKey }) !== before[i]);
    // v2's share grows from a quarter to a half.
    expect(moved.length / keys.length).toBeCloseTo(0.25, 1.8);
  });
});

describe('BackendSelector, step 5: the endpoint', () => {
  it("is chosen by the pool's algorithm within the backend", () => {
    const fixture = new PoolFixture({ v1: hosts(1, 3) }, balancing({ algorithm: 'LeastConnections' }));
    fixture.endpoint('v1', 0).tryAcquire(9);
    fixture.endpoint('v1', 1).tryAcquire(9);
    expect(fixture.selects(2)).toEqual(['10.0.1.3', '10.0.1.3']);
  });

  it('keeps the place of round robin through snapshots and over routes', () => {
    const routes = [route({ name: 'a', backendRefs: [backendRef()] })];
    const fixture = new PoolFixture({ v1: hosts(1, 3) }, { routes });
    expect(fixture.select()).toBe('10.0.1.1');
    expect(fixture.select({}, { name: 'a' })).toBe('10.0.1.2');
    fixture.update();
    expect(fixture.selects(2)).toEqual(['10.0.1.3', '10.0.1.1']);
  });
});

describe('BackendSelector, step 6: full endpoints', () => {
  const two = { v1: hosts(1, 2), v2: hosts(2, 1) };
  const config = refs({ name: 'v1', weight: 9 }, { name: 'v2', weight: 1 });

  it('are passed over, also for those of another backend', () => {
    const fixture = new PoolFixture(two, config);
    for (const index of [0, 1]) fixture.endpoint('v1', index).tryAcquire(9);
    expect(fixture.selects(3, { maxInFlight: 1 })).toEqual(['10.0.2.1', '10.0.2.1', '10.0.2.1']);
  });

  it('are said to be all that is left, even if a lesser priority has room', () => {
    const fixture = new PoolFixture(two, refs({ name: 'v1' }, { name: 'v2', priority: 1 }));
    for (const index of [0, 1]) fixture.endpoint('v1', index).tryAcquire(9);
    expect(fixture.select({ maxInFlight: 1 })).toBe('all-full');
  });
});

describe('BackendSelector, step 7: nothing healthy', () => {
  const two = { v1: hosts(1, 4), dr: hosts(2, 1) };
  const config = refs({ name: 'v1' }, { name: 'dr', priority: 1 });
  const sicken = (fixture: PoolFixture): void => {
    fixture.setAll('v1', SICK);
    fixture.setAll('dr', SICK);
  };

  // D05
  it('spreads over the ready, undrained, unexcluded endpoints of the first priority', () => {
    const fixture = new PoolFixture(two, config);
    sicken(fixture);
    fixture.setFlags('v1', 0, READY | DRAINING);
    fixture.setFlags('v1', 1, READY | EXCLUDED);
    expect(counts(fixture.selects(10))).toEqual({ '10.0.1.3': 5, '10.0.1.4': 5 });
    fixture.setFlags('v1', 0, UP);
    expect(fixture.selects(2)).toEqual(['10.0.1.1', '10.0.1.1']);
  });

  it('uses the next priority that has a ready endpoint', () => {
    const fixture = new PoolFixture(two, config);
    sicken(fixture);
    fixture.setAll('v1', 0);
    expect(fixture.select()).toBe('10.0.2.1');
  });

  it('fails when the pool never opens, when nothing is ready, and when there is nothing', () => {
    const never = new PoolFixture(two, { ...config, ...failOpen({ mode: 'Never' }) });
    sicken(never);
    expect(never.select()).toBe('none-eligible');
    const unready = new PoolFixture(two, config);
    unready.setAll('v1', 0);
    unready.setAll('dr', 0);
    expect(unready.select()).toBe('none-eligible');
    expect(new PoolFixture({ v1: [], dr: [] }, config).select()).toBe('no-endpoints');
  });

  it('opens before the last one falls when told so by percent', () => {
    const fixture = new PoolFixture(
      { v1: hosts(1, 4) },
      { ...refs({}), ...failOpen({ mode: 'BelowPercent', percent: 50 }) },
    );
    fixture.setFlags('v1', 0, SICK);
    fixture.setFlags('v1', 1, SICK);
    expect(Object.keys(counts(fixture.selects(8)))).toEqual(['10.0.1.3', '10.0.1.4']);
    fixture.setFlags('v1', 2, SICK);
    expect(Object.keys(counts(fixture.selects(8)))).toHaveLength(4);
  });

  it('opens the priority that is in use, not one that has nothing healthy', () => {
    const fixture = new PoolFixture(
      { v1: hosts(1, 2), dr: hosts(3, 4) },
      {
        ...refs({ name: 'v1' }, { name: 'dr', priority: 1 }),
        ...failOpen({ mode: 'BelowPercent', percent: 50 }),
      },
    );
    fixture.setAll('v1', SICK);
    for (const index of [0, 1, 2]) fixture.setFlags('dr', index, SICK);
    expect(Object.keys(counts(fixture.selects(8))).sort()).toEqual(hosts(3, 4).map(({ address }) => address));
  });

  it('prefers a lesser priority that is well to opening', () => {
    const fixture = new PoolFixture(two, {
      ...config,
      ...failOpen({ mode: 'BelowPercent', percent: 50 }),
    });
    fixture.setAll('v1', SICK);
    expect(fixture.select()).toBe('10.0.2.1');
  });
});

describe('BackendSelector, a retry', () => {
  const two = { v1: hosts(1, 2), v2: hosts(2, 1), dr: hosts(3, 1) };
  const config = refs({ name: 'v1', weight: 9 }, { name: 'v2' }, { name: 'dr', priority: 1 });

  it('goes to another endpoint, then another backend, then another priority, then to one it tried', () => {
    const fixture = new PoolFixture(two, config);
    const [a, b] = [fixture.endpoint('v1', 0), fixture.endpoint('v1', 1)];
    const [c, d] = [fixture.endpoint('v2', 0), fixture.endpoint('dr', 0)];
    expect(fixture.select({ tried: [a] })).not.toBe(a.address);
    expect(fixture.selects(3, { tried: [a, b] })).toEqual([c.address, c.address, c.address]);
    expect(fixture.select({ tried: [a, b, c] })).toBe(d.address);
    expect([a, b, c].map(({ address }) => address)).toContain(fixture.select({ tried: [a, b, c, d] }));
    expect(fixture.selects(3, { tried: [c, d, a, b] })).not.toContain(b.address);
  });

  it('has the only endpoint again', () => {
    const fixture = new PoolFixture({ v1: hosts(1, 1) });
    expect(fixture.select({ tried: [fixture.endpoint('v1', 0)] })).toBe('10.0.1.1');
  });
});

describe('BackendSelector, a selection', () => {
  it('allocates nothing', () => {
    const fixture = new PoolFixture(
      { v1: hosts(1, 3), v2: hosts(2, 2) },
      { ...refs({ name: 'v1' }, { name: 'v2' }), sessionAffinity: COOKIE },
    );
    const selector = fixture.pool.selector(undefined);
    const request = selectRequest({ bound: fixture.bindingTo(fixture.endpoint('v2', 1)), maxInFlight: 1 });
    fixture.endpoint('v2', 1).tryAcquire(1);
    const select = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const endpoint = selector.select(request);
        if (typeof endpoint !== 'string') endpoint.release();
      }
    };
    select(100_000);
    const bytes = Array.from({ length: 5 }, () => {
      const before = process.memoryUsage().heapUsed;
      select(20_000);
      return (process.memoryUsage().heapUsed - before) / 20_000;
    });
    expect(Math.min(...bytes)).toBeLessThan(8);
  });
});
