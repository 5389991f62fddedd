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

function ask(over: Partial<ExplainedRequest>): ReturnType<typeof explain> {
  const request = {
    url: 'http://x:8080/',
    method: 'GET',
    headers: [],
    body: undefined,
    clientAddress: '127.0.0.1',
  };
  return explain({ ...request, ...over }, [SNAPSHOT], [POOL]);
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

  it('says what would be refused before any route is asked', () => {
    expect(ask({ url: 'http://x:8080/a%2fb' }).verdict).toMatch(/^400/);
    expect(ask({ url: 'http://x:81/' }).verdict).toMatch(/no pool has an HTTP listener on port 81/);
  });
});
