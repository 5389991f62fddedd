import { describe, expect, it } from 'vitest';
import { TrafficHistory } from '../../../lib/traffic-history.ts';

const of = (pool: string, requests: number, failed = 0) => ({ pool, requests, failed });

describe('the history of traffic', () => {
  it('has rates between samples, and none after the first', () => {
    const history = new TrafficHistory();
    history.record([of('shop/a', 100)], 0);
    expect(history.ofPool('shop/a').perSecond).toEqual([]);
    history.record([of('shop/a', 120, 4)], 2_000);
    history.record([of('shop/a', 120, 4)], 4_000);
    expect(history.ofPool('shop/a')).toEqual({ everyMs: 2_000, perSecond: [10, 0], failedPerSecond: [2, 0] });
  });

  it('reckons with the time that has really passed', () => {
    const history = new TrafficHistory();
    history.record([of('shop/a', 0)], 0);
    history.record([of('shop/a', 100)], 10_000);
    expect(history.total().perSecond).toEqual([10]);
  });

  it('says nothing of the moment in which a count went back', () => {
    const history = new TrafficHistory();
    history.record([of('shop/a', 1_000)], 0);
    history.record([of('shop/a', 10)], 2_000);
    history.record([of('shop/a', 30)], 4_000);
    expect(history.ofPool('shop/a').perSecond).toEqual([0, 10]);
  });

  it('counts what a new pool has carried since it came, and forgets one that is gone', () => {
    const history = new TrafficHistory();
    history.record([of('shop/a', 0)], 0);
    history.record([of('shop/a', 0), of('shop/b', 8)], 2_000);
    expect(history.ofPool('shop/b').perSecond).toEqual([4]);
    expect(history.total().perSecond).toEqual([4]);
    history.record([of('shop/a', 0)], 4_000);
    expect(history.ofPool('shop/b').perSecond).toEqual([0, 0]);
  });

  it('keeps ten minutes, and gives fewer points as means, the last one of the newest samples', () => {
    const history = new TrafficHistory();
    let requests = 0;
    for (let sample = 0; sample <= 400; sample++) {
      requests += sample <= 390 ? 2 : 20;
      history.record([of('shop/a', requests)], sample * 2_000);
    }
    expect(history.total().perSecond).toHaveLength(300);
    const few = history.total(60);
    expect(few.everyMs).toBe(10_000);
    expect(few.perSecond).toHaveLength(60);
    expect(few.perSecond.slice(-3)).toEqual([1, 10, 10]);
  });
});
