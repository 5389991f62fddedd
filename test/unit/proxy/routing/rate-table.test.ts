import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { compileRateLimit } from '../../../../proxy/routing/rate-limit.ts';
import { RateTable } from '../../../../proxy/routing/rate-table.ts';
import { route } from '../../../support/builders.ts';
import { request } from '../../../support/request-view.ts';

function tableAt(time: { us: number }): RateTable {
  return new RateTable(() => time.us, { seed: 7 });
}

const bucket = { scope: 'uid/r', intervalUs: 10_000, burst: 3 };

describe('the rate table', () => {
  it('lets a burst through, then one each interval', () => {
    const time = { us: 5_000_000 };
    const table = tableAt(time);
    expect([1, 2, 3].map(() => table.take(bucket, 'a'))).toEqual([0, 0, 0]);
    expect(table.take(bucket, 'a')).toBe(10_000);
    time.us += 9_999;
    expect(table.take(bucket, 'a')).toBe(1);
    time.us += 1;
    expect(table.take(bucket, 'a')).toBe(0);
    expect(table.take(bucket, 'a')).toBe(10_000);
  });

  it('fills up again while nobody asks, and not beyond the burst', () => {
    const time = { us: 0 };
    const table = tableAt(time);
    for (let i = 0; i < 3; i++) table.take(bucket, 'a');
    time.us += 3_600_000_000;
    expect([1, 2, 3].map(() => table.take(bucket, 'a'))).toEqual([0, 0, 0]);
    expect(table.take(bucket, 'a')).toBeGreaterThan(0);
  });

  it('keeps keys and scopes apart', () => {
    const table = tableAt({ us: 0 });
    for (let i = 0; i < 3; i++) table.take(bucket, 'a');
    expect(table.take(bucket, 'a')).toBeGreaterThan(0);
    expect(table.take(bucket, 'b')).toBe(0);
    expect(table.take({ ...bucket, scope: 'uid/other' }, 'a')).toBe(0);
  });

  it('holds a rate that is no whole number of ticks', () => {
    const time = { us: 0 };
    const table = tableAt(time);
    let passed = 0;
    // 3 a second over 1,000 s, asked every 10 ms
    for (; time.us < 1_000_000_000; time.us += 10_000) {
      if (table.take({ scope: 's', intervalUs: 1_000_000 / 3, burst: 1 }, 'a') === 0) passed += 1;
    }
    expect(passed).toBeGreaterThan(2_900);
    expect(passed).toBeLessThanOrEqual(3_000);
  });

  it('limits a client all the same while 200,000 strangers come by', () => {
    const time = { us: 0 };
    const table = tableAt(time);
    const own = { scope: 's', intervalUs: 100_000, burst: 1 };
    let passed = 0;
    for (let i = 0; i < 200_000; i++) {
      time.us += 10;
      table.take({ ...own, intervalUs: 1_000 }, `stranger ${i}`);
      if (i % 100 === 0 && table.take(own, 'regular') === 0) passed += 1;
    }
    // 2 s at 10 a second: strangers whose buckets are full again never push a live one out.
    expect(passed).toBeLessThanOrEqual(21);
  });

  it('counts exactly over threads', async () => {
    const table = tableAt({ us: 0 });
    const script = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ RateTable }) => {
        const table = new RateTable(() => 0, workerData.buffer);
        let passed = 0;
        for (let i = 0; i < 20000; i++) if (table.take(workerData.bucket, 'a') === 0) passed += 1;
        parentPort.postMessage(passed);
      });`;
    const workerData = {
      module: new URL('../../../../proxy/routing/rate-table.ts', import.meta.url).href,
      buffer: table.buffer,
      bucket: { ...bucket, burst: 30_000 },
    };
    const counts = await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise<number>((resolve, reject) => {
            const worker = new Worker(script, { eval: true, workerData });
            worker.once('message', resolve);
            worker.once('error', reject);
          }),
      ),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(30_000);
  });
});

describe('the rate limit of a route', () => {
  const limited = (key: { type: 'ClientIP' } | { type: 'Header'; name: string }) =>
    compileRateLimit('uid', route({ rateLimit: { requests: 1, perMs: 60_000, burst: 1, key } }))!;

  it('is none where the route has none', () => {
    expect(compileRateLimit('uid', route())).toBeUndefined();
  });

  it('goes by client address, by /64 for IPv6', () => {
    const limit = limited({ type: 'ClientIP' });
    const table = tableAt({ us: 0 });
    const take = (clientAddress: string) => limit.take(table, request({ clientAddress }));
    expect(take('192.0.2.1')).toBe(0);
    expect(take('192.0.2.1')).toBe(60_000);
    expect(take('192.0.2.2')).toBe(0);
    expect(take('2001:db8::1')).toBe(0);
    expect(take('2001:db8::2')).toBe(60_000);
    expect(take('2001:db8:0:1::1')).toBe(0);
  });

  it('goes by header, requests without it together', () => {
    const limit = limited({ type: 'Header', name: 'x-key' });
    const table = tableAt({ us: 0 });
    const take = (headers: Record<string, string>) => limit.take(table, request({ headers }));
    expect(take({ 'x-key': 'a' })).toBe(0);
    expect(take({ 'x-key': 'a' })).toBe(60_000);
    expect(take({ 'x-key': 'b' })).toBe(0);
    expect(take({})).toBe(0);
    expect(take({ 'x-key': '' })).toBe(60_000);
  });

  it('says when to come back', () => {
    expect(limited({ type: 'ClientIP' }).refusalHeaders(1_200)).toEqual([
      ['Retry-After', '2'],
      ['RateLimit-Policy', '"route";q=1;w=60'],
      ['RateLimit', '"route";r=0;t=2'],
    ]);
  });
});
