import { describe, expect, it } from 'vitest';
import type { LoadBalancerPool } from '../../../api/pool.ts';
import { explain, type ExplainedRequest } from '../../../cli/explain.ts';
import {
  backend,
  backendRef,
  endpoint,
  listener,
  poolConfig,
  poolSnapshot,
  route,
  routeMatch,
} from '../../support/builders.ts';

const SNAPSHOT = poolSnapshot({
  namespace: 'n',
  name: 'shop',
  config: poolConfig({
    listeners: [listener({ port: 8080 })],
    backends: [backend({ name: 'v1' }), backend({ name: 'api' })],
    routes: [
      route({
        name: 'api',
        matches: [routeMatch({ path: { type: 'PathPrefix', value: '/api' } })],
        backendRefs: [backendRef({ name: 'api' })],
      }),
      route({
        name: 'large',
        matches: [
          routeMatch({
            path: { type: 'PathPrefix', value: '/v1' },
            body: {
              type: 'JSON',
              jsonPath: '$.model',
              value: { type: 'Exact', value: 'large' },
              onUnreadable: 'NoMatch',
            },
          }),
        ],
      }),
    ],
  }),
  endpoints: { v1: [endpoint({ port: 9000 })], api: [endpoint({ port: 9001 }), endpoint({ port: 9002 })] },
});

const POOL = {
  metadata: { name: 'shop', namespace: 'n', uid: SNAPSHOT.uid },
  status: {
    endpointsTruncated: true,
    endpoints: [
      { backend: 'api', address: '127.0.0.1', port: 9002, state: 'Unhealthy', reason: 'ConnectRefused' },
    ],
  },
} as unknown as LoadBalancerPool;

function ask(over: Partial<ExplainedRequest>, snapshot = SNAPSHOT): ReturnType<typeof explain> {
  const request = {
    url: 'http://x:8080/',
    method: 'GET',
    headers: [],
    body: undefined,
    clientAddress: '127.0.0.1',
  };
  return explain({ ...request, ...over }, [snapshot], [POOL]);
}

describe('explain', () => {
  it('names the route that takes a request, its endpoints with their state, and why the others lost', () => {
    const { verdict, rules, backends } = ask({ url: 'http://x:8080/api/orders' });
    expect(verdict).toBe('route api of n/shop');
    expect(rules.find((rule) => rule.route === 'api')?.outcome).toBe('wins');
    expect(rules.find((rule) => rule.route === 'large')).toMatchObject({
      outcome: 'loses',
      reason: 'path PathPrefix /v1',
    });
    expect(backends).toMatchObject([
      {
        name: 'api',
        endpoints: [
          { address: '127.0.0.1:9001', state: 'Healthy' },
          { address: '127.0.0.1:9002', state: 'Unhealthy', reason: 'ConnectRefused' },
        ],
      },
    ]);
  });

  it('falls to the default backends', () => {
    expect(ask({}).verdict).toBe('the default backends of n/shop');
  });

  it('asks for the body when a route decides by it, and takes it into account', () => {
    expect(ask({ url: 'http://x:8080/v1/x', method: 'POST', body: undefined }).verdict).toMatch(
      /default|body/,
    );
    const body = '{"model": "large"}';
    const headers = ['content-type: application/json'];
    expect(ask({ url: 'http://x:8080/v1/x', method: 'POST', body, headers }).verdict).toBe(
      'route large of n/shop',
    );
  });

  describe('says what the limits make of a request', () => {
    const limited = poolSnapshot({
      namespace: 'n',
      name: 'shop',
      config: poolConfig({
        listeners: [
          listener({
            port: 8080,
            accessRules: { allowCIDRs: [], denyCIDRs: ['203.0.113.0/24'] },
            limits: { maxRequestBodyBytes: 4, bodyMatchBytes: 65_536 },
          }),
        ],
        backends: [backend({ name: 'v1' })],
        routes: [
          route({
            name: 'admin',
            matches: [routeMatch({ path: { type: 'PathPrefix', value: '/admin' } })],
            accessRules: { allowCIDRs: ['10.0.0.0/8'], denyCIDRs: [] },
          }),
          route({
            name: 'api',
            matches: [routeMatch({ path: { type: 'PathPrefix', value: '/api' } })],
            rateLimit: { requests: 3, perMs: 60_000, burst: 5, key: { type: 'Header', name: 'x-key' } },
          }),
        ],
      }),
      endpoints: { v1: [endpoint({ port: 9000 })] },
    });

    it.each([
      [
        'the listener keeps it out',
        { clientAddress: '203.0.113.7' },
        'the default backends of n/shop, which answers 403: accessRules of the listener do not let 203.0.113.7 in',
      ],
      [
        'the route keeps it out',
        { url: 'http://x:8080/admin' },
        'route admin of n/shop, which answers 403: accessRules of the route do not let 127.0.0.1 in',
      ],
      ['it may come', { url: 'http://x:8080/admin', clientAddress: '10.1.2.3' }, 'route admin of n/shop'],
      [
        'it is too large',
        { method: 'POST', body: '12345' },
        'the default backends of n/shop, which answers 413: the listener takes bodies of 4 bytes',
      ],
      [
        'it is one of so many',
        { url: 'http://x:8080/api' },
        'route api of n/shop, up to 3 in 60 s (5 at once) of each value of x-key',
      ],
    ])('%s', (_, request, verdict) => {
      const explained = ask(request, limited);
      expect(explained.verdict).toBe(verdict);
      expect(explained.backends.length).toBe(/answers 4/.test(verdict) ? 0 : 1);
    });
  });

  it('says what would be refused before any route is asked', () => {
    expect(ask({ url: 'http://x:8080/a%2fb' }).verdict).toMatch(/^400/);
    expect(ask({ url: 'http://x:81/' }).verdict).toMatch(/no pool has an HTTP listener on port 81/);
  });
});
