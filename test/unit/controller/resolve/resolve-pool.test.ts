import { describe, expect, it } from 'vitest';
import { resolvePool } from '../../../../controller/resolve/resolve-pool.ts';
import { podEndpoint, poolOf, serviceOf, sliceOf, worldOf } from '../../../support/pools.ts';

const SPEC = `
listeners: [{name: web, protocol: HTTP, port: 80}]
backends: [{name: v1, service: {name: checkout, port: http}}]
defaultBackendRefs: [{name: v1}]
`;
const WORLD = worldOf({
  services: [serviceOf('checkout')],
  slices: [sliceOf('checkout-a', [podEndpoint('10.0.0.1'), podEndpoint('10.0.0.2')])],
});

describe('resolvePool', () => {
  it('turns a pool and what it names into an intent', () => {
    const { problems, intent, served } = resolvePool(poolOf(SPEC), WORLD);
    expect(problems).toEqual([]);
    expect(served).toBeDefined();
    expect(intent?.endpoints.get('v1')).toEqual([
      {
        address: '10.0.0.1',
        port: 8080,
        targetUid: 'uid-10.0.0.1',
        condition: 'Ready',
        weight: 1,
        podName: 'pod-10.0.0.1',
      },
      {
        address: '10.0.0.2',
        port: 8080,
        targetUid: 'uid-10.0.0.2',
        condition: 'Ready',
        weight: 1,
        podName: 'pod-10.0.0.2',
      },
    ]);
  });

  it('serves the rest when a Service is missing, and says which', () => {
    const pool = poolOf(`
      listeners: [{name: web, protocol: HTTP, port: 80}]
      backends:
      - {name: v1, service: {name: checkout, port: http}}
      - {name: v2, service: {name: gone, port: http}}
      defaultBackendRefs: [{name: v1}, {name: v2}]`);
    const { problems, intent } = resolvePool(pool, WORLD);
    expect(problems).toEqual([
      {
        condition: 'ResolvedRefs',
        reason: 'ServiceNotFound',
        path: 'spec.backends[1].service.name',
        message: 'there is no Service gone in namespace shop',
      },
    ]);
    expect(intent?.endpoints.get('v1')).toHaveLength(2);
    expect(intent?.endpoints.get('v2')).toEqual([]);
  });

  it('refuses a spec that must not be, and keeps the last good spec with today’s endpoints', () => {
    const good = resolvePool(poolOf(SPEC), worldOf());
    const bad = poolOf(`${SPEC}\nhealthCheck: {active: {type: Custom, custom: {url: "http://127.0.0.1/"}}}`);
    expect(resolvePool(bad, WORLD).intent).toBeUndefined();

    const { problems, intent, served } = resolvePool(bad, WORLD, good);
    expect(problems[0]).toMatchObject({
      condition: 'Accepted',
      reason: 'Invalid',
      path: 'spec.healthCheck.active.custom.url',
    });
    expect(served).toBe(good.served);
    expect(intent?.endpoints.get('v1')).toHaveLength(2);
  });

  describe('refuses TLS of a backend that datagrams alone lead to', () => {
    const spec = (protocol: string, check: string): string => `
      listeners: [{name: dns, protocol: ${protocol}, port: 53}]
      backends: [{name: v1, type: Static, static: {endpoints: [{address: 10.0.0.1, port: 53}]}, tls: {serverName: a.example.com}}]
      defaultBackendRefs: [{name: v1}]
      ${check}`;
    const paths = (text: string): (string | undefined)[] =>
      resolvePool(poolOf(text), WORLD).problems.map(({ path }) => path);

    it('whether it is not checked', () => {
      expect(paths(spec('UDP', ''))).toEqual(['spec.backends[0].tls']);
    });

    it('or is checked by datagrams', () => {
      const check = 'healthCheck: {active: {type: UDP, udp: {send: x}}}';
      expect(paths(spec('UDP', check))).toEqual(['spec.backends[0].tls']);
    });

    it('but not where its check connects', () => {
      expect(paths(spec('UDP', 'healthCheck: {active: {type: HTTP, port: 8443}}'))).toEqual([]);
    });

    it('nor where connections lead to it, too', () => {
      expect(paths(spec('TCP', ''))).toEqual([]);
    });
  });

  it('holds a changed spec back while the pool is paused, but not its endpoints', () => {
    const good = resolvePool(poolOf(SPEC), worldOf());
    const changed = poolOf(`${SPEC.replace('port: 80', 'port: 81')}\npaused: true`);
    const { intent } = resolvePool(changed, WORLD, good);
    expect(intent?.config.listeners[0]?.port).toBe(80);
    expect(intent?.endpoints.get('v1')).toHaveLength(2);
  });

  it('names a backend that nothing leads to', () => {
    const pool = poolOf(`
      listeners: [{name: web, protocol: HTTP, port: 80}]
      backends:
      - {name: v1, service: {name: checkout, port: http}}
      - {name: v2, service: {name: checkout, port: http}}
      defaultBackendRefs: [{name: v1}]`);
    expect(resolvePool(pool, WORLD).problems).toEqual([
      expect.objectContaining({
        condition: 'Degraded',
        reason: 'UnusedBackend',
        path: 'spec.backends[1]',
      }),
    ]);
  });
});
