import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PoolSnapshot } from '../../../api/snapshot.ts';
import { endpoint, listener, poolConfig, route, routeMatch } from '../../support/builders.ts';
import { ScriptedBackend } from '../../support/http/backend.ts';
import { SharedHttpPort } from '../../support/http/shared-port.ts';

describe('several pools on one port', () => {
  const backends = new Map<string, ScriptedBackend>();
  let port: SharedHttpPort;
  beforeAll(async () => {
    for (const name of ['a', 'b']) backends.set(name, await ScriptedBackend.start({ name }));
  });
  afterAll(async () => {
    for (const backend of backends.values()) await backend.close();
  });
  afterEach(() => port.close());

  /** A pool whose backend answers `name`. */
  const pool = (
    name: string,
    config: Parameters<typeof poolConfig>[0] = {},
    over: Partial<PoolSnapshot> = {},
  ): Partial<PoolSnapshot> => ({
    uid: `uid-${name}`,
    name,
    config: poolConfig(config),
    endpoints: { v1: [endpoint({ port: backends.get(name)!.port })] },
    ...over,
  });

  const bodyOf = async (...request: Parameters<SharedHttpPort['get']>) => (await port.get(...request)).body;

  it('serve their own hosts', async () => {
    port = await SharedHttpPort.start([
      pool('a', { listeners: [listener({ hostnames: ['a.test'] })] }),
      pool('b', { listeners: [listener({ hostnames: ['*.b.test'] })] }),
    ]);
    expect(await bodyOf('a.test')).toBe('a');
    expect(await bodyOf('A.test:8080')).toBe('a');
    expect(await bodyOf('a.test.')).toBe('a');
    expect(await bodyOf('x.y.b.test')).toBe('b');
    // B05
    for (const host of ['a.test.evil', 'xa.test', 'b.test', 'xb.test']) {
      expect((await port.get(host)).status).toBe(404);
    }
  });

  it('share a host by path, whichever is older', async () => {
    const path = { type: 'PathPrefix', value: '/b' } as const;
    port = await SharedHttpPort.start([
      pool('a', {}, { createdAt: 1 }),
      pool(
        'b',
        { routes: [route({ matches: [routeMatch({ path })] })], defaultBackendRefs: [] },
        { createdAt: 2 },
      ),
    ]);
    expect(await bodyOf('h.test', '/b/x')).toBe('b');
    expect(await bodyOf('h.test', '/bx')).toBe('a');
  });

  it('leave a tie to the older one', async () => {
    port = await SharedHttpPort.start([pool('a', {}, { createdAt: 2 }), pool('b', {}, { createdAt: 1 })]);
    expect(await bodyOf('h.test')).toBe('b');
  });

  // I21
  it('forget a pool that was deleted and made again with the same spec', async () => {
    port = await SharedHttpPort.start([pool('a')]);
    expect(await bodyOf('h.test')).toBe('a');
    const again = { uid: 'uid-a2', endpoints: { v1: [endpoint({ port: backends.get('b')!.port })] } };
    port.update([pool('a', {}, again)]);
    expect(await bodyOf('h.test')).toBe('b');
  });

  it('change while they serve', async () => {
    port = await SharedHttpPort.start([pool('a')]);
    expect(await bodyOf('h.test', '/b')).toBe('a');
    const routes = [route({ matches: [routeMatch({ path: { type: 'Exact', value: '/b' } })] })];
    port.update([pool('a'), pool('b', { routes })]);
    expect(await bodyOf('h.test', '/b')).toBe('b');
    port.update([pool('a')]);
    expect(await bodyOf('h.test', '/b')).toBe('a');
  });
});
