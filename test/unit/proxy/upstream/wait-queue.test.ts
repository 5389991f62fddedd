import { describe, expect, it } from 'vitest';
import type { SelectRequest } from '../../../../proxy/upstream/backend-selector.ts';
import type { EndpointState } from '../../../../proxy/state/endpoint-state.ts';
import { DRAINING, HEALTHY, READY } from '../../../../proxy/state/shared-table.ts';
import type { WaitLimits, WaitResult } from '../../../../proxy/upstream/wait-queue.ts';
import { backendRef, endpoint, route } from '../../../support/builders.ts';
import { PoolFixture, selectRequest } from '../../../support/pool-upstreams.ts';

const LIMITS: WaitLimits = { max: 3, timeoutMs: 1_000 };
const ONE: Partial<SelectRequest> = { maxInFlight: 1 };

function full(fixture: PoolFixture): EndpointState[] {
  return fixture.endpoints().map((endpoint) => {
    endpoint.tryAcquire(1);
    return endpoint;
  });
}

/** Lines up, and notes under its name how that ended. */
function wait(
  fixture: PoolFixture,
  name: string,
  results: Map<string, WaitResult>,
  over: { limits?: WaitLimits; route?: string } = {},
) {
  const selector = fixture.pool.selector(over.route === undefined ? undefined : { name: over.route });
  return selector.enqueue(selectRequest(ONE), over.limits ?? LIMITS, (result) => results.set(name, result));
}

function soon(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

// D12
describe('BackendSelector, the queue', () => {
  const hosts = { v1: [endpoint({ address: '10.0.1.1' }), endpoint({ address: '10.0.1.2' })] };

  it('serves those who wait first come, first served, as endpoints get room', async () => {
    const fixture = new PoolFixture(hosts);
    const [first, second] = full(fixture);
    const results = new Map<string, WaitResult>();
    for (const name of ['a', 'b', 'c']) wait(fixture, name, results);
    await soon();
    expect([...results.keys()]).toEqual([]);
    second!.release();
    expect([...results.keys()]).toEqual([]);
    await soon();
    expect([...results]).toEqual([['a', second]]);
    first!.release();
    second!.release();
    await soon();
    expect([...results]).toEqual([
      ['a', second],
      ['b', first],
      ['c', second],
    ]);
    expect([first!.inFlight, second!.inFlight]).toEqual([1, 1]);
  });

  it('lets nobody who comes later go first', async () => {
    const fixture = new PoolFixture(hosts);
    const [first] = full(fixture);
    const results = new Map<string, WaitResult>();
    wait(fixture, 'a', results);
    first!.release();
    expect(fixture.select(ONE)).toBe('all-full');
    await soon();
    expect([...results.keys()]).toEqual(['a']);
    first!.release();
    expect(fixture.select(ONE)).toBe('10.0.1.1');
  });

  it('refuses whoever comes when as many wait as may', async () => {
    const fixture = new PoolFixture(hosts);
    const endpoints = full(fixture);
    const results = new Map<string, WaitResult>();
    for (const name of ['a', 'b', 'c']) expect(wait(fixture, name, results)).toBeTypeOf('function');
    expect(wait(fixture, 'd', results)).toBe('queue-full');
    for (const endpoint of endpoints) endpoint.release();
    await soon();
    expect([...results.keys()]).toEqual(['a', 'b']);
    expect(wait(fixture, 'd', results)).toBeTypeOf('function');
  });

  it('ends a wait that takes too long', () => {
    const fixture = new PoolFixture(hosts);
    full(fixture);
    const results = new Map<string, WaitResult>();
    wait(fixture, 'a', results);
    fixture.clock.advance(500);
    wait(fixture, 'b', results);
    fixture.clock.advance(499);
    expect(results.size).toBe(0);
    fixture.clock.advance(21);
    expect([...results]).toEqual([['a', 'queue-timeout']]);
    fixture.clock.advance(500);
    expect(results.get('b')).toBe('queue-timeout');
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  it('serves an endpoint that comes up, and fails when none is left to wait for', async () => {
    const up = READY | HEALTHY;
    const fixture = new PoolFixture(hosts, { failOpen: { mode: 'Never' } });
    fixture.setFlags('v1', 1, READY);
    fixture.endpoint('v1', 0).tryAcquire(1);
    const results = new Map<string, WaitResult>();
    wait(fixture, 'a', results);
    wait(fixture, 'b', results);
    await soon();
    fixture.setFlags('v1', 1, up);
    fixture.clock.advance(20);
    expect([...results]).toEqual([['a', fixture.endpoint('v1', 1)]]);
    fixture.setAll('v1', up | DRAINING);
    fixture.clock.advance(20);
    expect(results.get('b')).toBe('none-eligible');
  });

  it('forgets who cancels', async () => {
    const fixture = new PoolFixture(hosts);
    const [first] = full(fixture);
    const results = new Map<string, WaitResult>();
    const cancel = wait(fixture, 'a', results) as () => void;
    wait(fixture, 'b', results);
    cancel();
    cancel();
    first!.release();
    await soon();
    expect([...results.keys()]).toEqual(['b']);
    expect(fixture.main.waiting(fixture.pool.byBackend.get('v1')!.slot)).toBe(0);
  });

  it('does not hold up a request that has another backend to go to', async () => {
    const two = { ...hosts, v2: [endpoint({ address: '10.0.2.1' })] };
    const routes = [route({ name: 'both', backendRefs: [backendRef(), backendRef({ name: 'v2' })] })];
    const fixture = new PoolFixture(two, { routes });
    for (const index of [0, 1]) fixture.endpoint('v1', index).tryAcquire(1);
    const results = new Map<string, WaitResult>();
    wait(fixture, 'a', results);
    expect(fixture.select(ONE, { name: 'both' })).toBe('10.0.2.1');
    fixture.endpoint('v2', 0).tryAcquire(1);
    wait(fixture, 'b', results, { route: 'both' });
    fixture.endpoint('v2', 0).release();
    await soon();
    expect([...results]).toEqual([['b', fixture.endpoint('v2', 0)]]);
  });

  it('outlives a snapshot, and a backend that leaves', async () => {
    const two = { ...hosts, v2: [endpoint({ address: '10.0.2.1' })] };
    const fixture = new PoolFixture(two);
    const [first] = full(fixture);
    const slot = fixture.pool.byBackend.get('v1')!.slot;
    const results = new Map<string, WaitResult>();
    wait(fixture, 'a', results);
    wait(fixture, 'b', results);
    fixture.update();
    first!.release();
    await soon();
    expect([...results.keys()]).toEqual(['a']);
    fixture.update({ v2: two.v2 }, { defaultBackendRefs: [backendRef({ name: 'v2' })] });
    fixture.clock.advance(1_020);
    expect(results.size).toBe(2);
    expect(fixture.main.waiting(slot)).toBe(0);
  });
});
