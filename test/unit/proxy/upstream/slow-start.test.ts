import { describe, expect, it } from 'vitest';
import { SharedTable } from '../../../../proxy/state/shared-table.ts';
import { weightPercents } from '../../../../proxy/upstream/slow-start.ts';
import { SlowStarter } from '../../../../proxy/upstream/slow-starter.ts';
import { poolConfig, poolSnapshot } from '../../../support/builders.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const config = { windowMs: 30_000, minWeightPercent: 10 };

// D15
describe('weightPercents', () => {
  it.each([
    ['nobody is new', [60_000, 30_000], [100, 100]],
    ['one is new', [60_000, 0], [100, 10]],
    ['one is a tenth of the way', [60_000, 3_000], [100, 10]],
    ['one is half way', [60_000, 15_000], [100, 50]],
    ['all started together', [5_000, 5_000, 5_000], [100, 100, 100]],
    ['all are young, some more than others', [10_000, 5_000, 100], [100, 50, 10]],
    ['one alone has just started', [0], [100]],
    ['one takes nothing yet', [60_000, undefined], [100, 10]],
    ['none takes anything', [undefined, undefined], [10, 10]],
  ])('when %s: %j ms give %j percent', (_name, ages, percents) => {
    expect(weightPercents(ages, config)).toEqual(percents);
  });

  it('never falls as time goes by', () => {
    const starts = [0, 2_000, 2_500, 20_000, 31_000];
    let before = starts.map(() => 0);
    for (let now = 31_000; now <= 70_000; now += 500) {
      const percents = weightPercents(
        starts.map((start) => now - start),
        config,
      );
      for (const [index, percent] of percents.entries())
        expect(percent).toBeGreaterThanOrEqual(before[index]!);
      before = percents;
    }
    expect(before).toEqual([100, 100, 100, 100, 100]);
  });
});

describe('SlowStarter', () => {
  const slots = { v1: { upstream: 0, endpoints: [0, 1] } };
  const slow = poolSnapshot({
    config: poolConfig({ loadBalancing: { ...poolConfig().loadBalancing, slowStart: config } }),
  });

  function start() {
    const clock = new FakeClock();
    clock.advance(100_000);
    const table = new SharedTable(-1);
    const since = new Map<number, number>([[0, 0]]);
    for (const slot of [0, 1]) table.resetEndpoint(slot);
    table.resetUpstream(0);
    const starter = new SlowStarter({ table, clock, eligibleSince: (slot) => since.get(slot) });
    starter.update(slow, slots);
    const percents = (): number[] => [table.weightPercent(0), table.weightPercent(1)];
    return { clock, table, since, starter, percents };
  }

  it('holds an endpoint that is down at the least, and raises it step by step once it is up', () => {
    const { clock, since, starter, percents } = start();
    expect(percents()).toEqual([100, 10]);
    expect(clock.pendingTimers).toBe(0);
    since.set(1, clock.now());
    starter.refresh(slow.uid);
    clock.advance(15_000);
    expect(percents()).toEqual([100, 50]);
    clock.advance(15_000);
    expect(percents()).toEqual([100, 100]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('goes on with a ramp through a change of configuration, and ends it when slow start is taken away', () => {
    const { clock, since, starter, percents } = start();
    since.set(1, clock.now());
    starter.refresh(slow.uid);
    clock.advance(15_000);
    starter.update(slow, slots);
    expect(percents()).toEqual([100, 50]);
    starter.update(poolSnapshot(), slots);
    expect(percents()).toEqual([100, 100]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('raises the epoch only when a weight has changed', () => {
    const { table, starter } = start();
    const epoch = table.epoch(0);
    starter.refresh(slow.uid);
    expect(table.epoch(0)).toBe(epoch);
  });

  it('stops with its pool, and altogether', () => {
    const { clock, since, starter } = start();
    since.set(1, clock.now());
    starter.refresh(slow.uid);
    expect(clock.pendingTimers).toBe(1);
    starter.remove(slow.uid);
    expect(clock.pendingTimers).toBe(0);
    starter.update(slow, slots);
    starter.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
