import { describe, expect, it } from 'vitest';
import type { Rng } from '../../../../lib/clock.ts';
import { fail, probeSpec, type ProbeResult, type ProbeTarget } from '../../../../proxy/health/probe.ts';
import { ProbeScheduler, type Watch } from '../../../../proxy/health/scheduler.ts';
import { activeCheck } from '../../../support/builders.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { FakeProber } from '../../../support/fake-prober.ts';
import { seededRng } from '../../../support/seeded-rng.ts';

const OWNER = { pool: 'default/pool', backend: 'v1' };
const SPEC = probeSpec(activeCheck({ intervalMs: 5000, unhealthyIntervalMs: 1000 }), OWNER);
const DOWN = fail('ConnectRefused', 'connection refused');

/** No jitter, and the second probe of a target after a tenth of its interval. */
const none: Rng = () => 0;

function setup({ rng = none, maxConcurrent = 100, latencyMs = 1 } = {}) {
  const clock = new FakeClock();
  const prober = new FakeProber(clock, latencyMs);
  const scheduler = new ProbeScheduler({ clock, rng, run: prober.run, maxConcurrent });
  return { clock, prober, scheduler };
}

function target(port: number, spec = SPEC): ProbeTarget {
  return { address: '10.0.0.1', port, spec };
}

describe('the probe scheduler', () => {
  it('probes a new target at once, then within the interval, then at the interval', () => {
    const { clock, prober, scheduler } = setup();
    scheduler.watch(target(1), false, () => {});
    clock.advance(20_000);
    expect(prober.timesOf('10.0.0.1:1')).toEqual([0, 500, 5500, 10_500, 15_500]);
  });

  it('comes up to a tenth sooner than its interval, and never later', () => {
    const { clock, prober, scheduler } = setup({ rng: seededRng(7) });
    scheduler.watch(target(1), false, () => {});
    clock.advance(500_000);
    const times = prober.timesOf('10.0.0.1:1').slice(1);
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(4500);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5010);
    expect(new Set(gaps.map(Math.round)).size).toBeGreaterThan(50);
  });

  it('goes at the fast pace while anyone asks for it, and back', () => {
    const { clock, prober, scheduler } = setup();
    scheduler.watch(target(1), false, () => {});
    const other = scheduler.watch(target(1), true, () => {});
    clock.advance(3500);
    expect(prober.timesOf('10.0.0.1:1')).toEqual([0, 1000, 2000, 3000]);
    other.urgent(false);
    clock.advance(7000);
    expect(prober.timesOf('10.0.0.1:1').slice(4)).toEqual([4000, 9000]);
  });

  it('pulls the next probe nearer when a target becomes urgent', () => {
    const { clock, prober, scheduler } = setup();
    const watch = scheduler.watch(target(1), false, () => {});
    clock.advance(1000);
    watch.urgent(true);
    clock.advance(1000);
    expect(prober.timesOf('10.0.0.1:1')).toEqual([0, 500, 1500]);
  });

  it('probes once for two watchers of the same target, and tells both', () => {
    const { clock, prober, scheduler } = setup();
    const results: string[] = [];
    scheduler.watch(target(1), false, ({ kind }) => results.push(`a ${kind}`));
    scheduler.watch(target(1), false, ({ kind }) => results.push(`b ${kind}`));
    clock.advance(100);
    expect(results).toEqual(['a pass', 'b pass']);
    expect(prober.begun).toHaveLength(1);
    expect(scheduler.size).toBe(1);
  });

  it('keeps targets apart that differ in anything that is asked', () => {
    const { scheduler } = setup();
    const checks = [
      activeCheck(),
      activeCheck({ timeoutMs: 1 }),
      activeCheck({ intervalMs: 1 }),
      activeCheck({ probe: { type: 'TCP', send: 'x' } }),
      // Thresholds belong to the pool that asks.
      activeCheck({ healthyThreshold: 9, unhealthyThreshold: 9, initialState: 'Healthy' }),
    ];
    for (const check of checks) scheduler.watch(target(1, probeSpec(check, OWNER)), false, () => {});
    expect(scheduler.size).toBe(4);
  });

  it('shares a custom probe only within the pool and backend it asks about', () => {
    const { scheduler } = setup();
    const check = activeCheck({ probe: { type: 'Custom', url: 'http://10.0.0.9/' } });
    for (const backend of ['a', 'b', 'a']) {
      scheduler.watch(target(1, probeSpec(check, { ...OWNER, backend })), false, () => {});
    }
    expect(scheduler.size).toBe(2);
  });

  it('never probes a target twice at a time, however slow it is', () => {
    const { clock, prober, scheduler } = setup({ latencyMs: 12_000 });
    const watch = scheduler.watch(target(1), false, () => {});
    clock.advance(100);
    watch.now();
    clock.advance(30_000);
    expect(prober.mostUnderWay).toBe(1);
    expect(prober.timesOf('10.0.0.1:1')).toEqual([0, 12_000, 24_000]);
  });

  it('probes again when asked, right after the one under way', () => {
    const { clock, prober, scheduler } = setup();
    const watch = scheduler.watch(target(1), false, () => {});
    clock.advance(0);
    watch.now();
    clock.advance(100);
    watch.now();
    clock.advance(100);
    expect(prober.timesOf('10.0.0.1:1')).toEqual([0, 1, 100]);
  });

  it('holds back what is over the limit and works it off, each once', () => {
    const { clock, prober, scheduler } = setup({ maxConcurrent: 10 });
    for (let port = 1; port <= 95; port++) scheduler.watch(target(port), false, () => {});
    clock.advance(100);
    expect(prober.mostUnderWay).toBe(8);
    const ports = prober.begun.map((each) => each.target.port);
    expect(ports.sort((a, b) => a - b)).toEqual(Array.from({ length: 95 }, (_, index) => index + 1));
  });

  it.each([
    ['the living when most are down', true],
    ['who comes back when the living are slow', false],
  ])('leaves room for %s', (_, crowdIsUrgent) => {
    const { clock, prober, scheduler } = setup({ maxConcurrent: 8 });
    for (let port = 1; port <= 50; port++) {
      prober.answers.set(`10.0.0.1:${port}`, 'hang');
      scheduler.watch(target(port), crowdIsUrgent, () => {});
    }
    clock.advance(10);
    scheduler.watch(target(99), !crowdIsUrgent, () => {});
    clock.advance(1);
    expect(prober.timesOf('10.0.0.1:99')).toEqual([10]);
  });

  it('spreads targets that came together over the interval', () => {
    const { clock, prober, scheduler } = setup({ rng: seededRng(3), maxConcurrent: 1000 });
    for (let port = 1; port <= 500; port++) scheduler.watch(target(port), false, () => {});
    clock.advance(5500);
    const second = prober.begun.slice(500, 1000).map(({ at }) => at);
    for (let from = 500; from < 4500; from += 1000) {
      const share = second.filter((at) => at >= from && at < from + 1000).length;
      expect(share).toBeGreaterThan(70);
      expect(share).toBeLessThan(160);
    }
  });

  it('wakes at most once a tick, however many targets there are', () => {
    const { clock, scheduler } = setup({ rng: seededRng(3), maxConcurrent: 1000 });
    for (let port = 1; port <= 500; port++) scheduler.watch(target(port), false, () => {});
    clock.advance(10_000);
    expect(clock.pendingTimers).toBeLessThanOrEqual(1 + scheduler.running);
  });

  it('stops with its last watcher, and ends what is under way', () => {
    const { clock, prober, scheduler } = setup();
    const seen: ProbeResult[] = [];
    const [a, b] = [1, 2].map(() => scheduler.watch(target(1), false, (result) => seen.push(result)));
    clock.advance(0);
    a!.stop();
    expect(prober.underWay).toBe(1);
    b!.stop();
    b!.stop();
    expect([prober.underWay, scheduler.running, scheduler.size]).toEqual([0, 0, 0]);
    clock.advance(60_000);
    expect(seen).toEqual([]);
    expect(prober.begun).toHaveLength(1);
  });

  it('lets a watcher stop, or ask again, from within its own result', () => {
    const { clock, prober, scheduler } = setup();
    let left = 3;
    const watch: Watch = scheduler.watch(target(1), false, () => {
      left--;
      if (left > 0) watch.now();
      else watch.stop();
    });
    clock.advance(60_000);
    expect(prober.begun).toHaveLength(3);
    expect(scheduler.size).toBe(0);
  });

  it('is still after it is closed', () => {
    const { clock, prober, scheduler } = setup();
    prober.answers.set('10.0.0.1:1', DOWN);
    for (let port = 1; port <= 5; port++) scheduler.watch(target(port), true, () => {});
    clock.advance(2500);
    scheduler.close();
    const before = prober.begun.length;
    clock.advance(60_000);
    expect(prober.begun).toHaveLength(before);
    expect(clock.pendingTimers).toBe(0);
  });
});
