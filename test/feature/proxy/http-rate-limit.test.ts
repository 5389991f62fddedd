import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RateLimit } from '../../../api/snapshot.ts';
import { RateTable } from '../../../proxy/routing/rate-table.ts';
import { endpoint, poolConfig, route, routeMatch } from '../../support/builders.ts';
import { ScriptedBackend } from '../../support/http/backend.ts';
import { SharedHttpPort } from '../../support/http/shared-port.ts';

/** Two workers of one proxy, on a clock that a test turns. */
describe('a rate limit', () => {
  let backend: ScriptedBackend;
  let workers: SharedHttpPort[] = [];
  let nowUs = 0;
  beforeEach(async () => {
    backend = await ScriptedBackend.start();
  });
  afterEach(async () => {
    for (const worker of workers) await worker.close();
    await backend.close();
  });

  const limited = (key: RateLimit['key']) => ({
    config: poolConfig({
      routes: [
        route({
          matches: [routeMatch({ path: { type: 'PathPrefix', value: '/x' } })],
          rateLimit: { requests: 2, perMs: 10_000, burst: 4, key },
        }),
      ],
    }),
    endpoints: { v1: [endpoint({ port: backend.port })] },
  });

  async function serve(key: RateLimit['key']): Promise<void> {
    nowUs = 0;
    const main = new RateTable(() => nowUs, { seed: 3 });
    const shared = () => ({ rateTable: new RateTable(() => nowUs, main.buffer) });
    workers = await Promise.all([
      SharedHttpPort.start([limited(key)], shared()),
      SharedHttpPort.start([limited(key)], shared()),
    ]);
  }

  const statuses = async (count: number, headers = '') => {
    const seen: number[] = [];
    for (let i = 0; i < count; i++) seen.push((await workers[i % 2]!.get('h.test', '/x', headers)).status);
    return seen;
  };

  it('holds over all workers: the burst, then the rate', async () => {
    await serve({ type: 'ClientIP' });
    expect(await statuses(6)).toEqual([200, 200, 200, 200, 429, 429]);
    nowUs += 5_000_000;
    expect(await statuses(2)).toEqual([200, 429]);
    expect(backend.requests).toHaveLength(5);
    expect((await workers[0]!.get('h.test', '/y')).status).toBe(200);
  });

  it('says when to come back', async () => {
    await serve({ type: 'ClientIP' });
    await statuses(4);
    const refused = await workers[0]!.get('h.test', '/x');
    expect(refused.status).toBe(429);
    expect(refused.body).toContain('RATE_LIMITED');
    expect(refused.header('retry-after')).toBe('5');
    expect(refused.header('ratelimit-policy')).toBe('"route";q=2;w=10');
    expect(refused.header('ratelimit')).toBe('"route";r=0;t=5');
  });

  it('counts each value of a header', async () => {
    await serve({ type: 'Header', name: 'x-key' });
    expect(await statuses(5, 'X-Key: a\r\n')).toEqual([200, 200, 200, 200, 429]);
    expect(await statuses(1, 'X-Key: b\r\n')).toEqual([200]);
  });

  it('starts anew for nobody when the route changes', async () => {
    await serve({ type: 'ClientIP' });
    await statuses(4);
    const changed = limited({ type: 'ClientIP' });
    for (const worker of workers) {
      worker.update([{ ...changed, config: { ...changed.config, failOpen: { mode: 'Never' } } }]);
    }
    expect(await statuses(2)).toEqual([429, 429]);
  });
});
