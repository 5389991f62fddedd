import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { poolValidator } from '../../../support/pools.ts';

const MINIMAL = {
  listeners: [{ name: 'web', protocol: 'HTTP', port: 80 }],
  backends: [{ name: 'v1', service: { name: 'checkout', port: 'http' } }],
  defaultBackendRefs: [{ name: 'v1' }],
};

function object(spec: unknown, metadata: unknown = { name: 'checkout', namespace: 'shop' }): object {
  return { apiVersion: 'evenkeel.dev/v1alpha1', kind: 'LoadBalancerPool', metadata, spec };
}

function errorsOf(value: unknown): string[] {
  const validation = poolValidator.validate(value);
  return validation.ok ? [] : validation.errors.map(({ path, message }) => `${path} ${message}`);
}

describe('the offline validator', () => {
  it('fills in the defaults that the API server does', () => {
    const validation = poolValidator.validate(object(MINIMAL));
    expect(validation.ok && validation.pool.spec).toEqual({
      className: 'default',
      listeners: [
        {
          name: 'web',
          protocol: 'HTTP',
          port: 80,
          clientIP: { source: 'Connection' },
          limits: { bodyMatchBytes: 65_536 },
          timeouts: { requestHeader: '10s', tlsHandshake: '5s', bodyMatch: '5s', idle: '60s' },
        },
      ],
      backends: [{ name: 'v1', type: 'Service', service: { name: 'checkout', port: 'http' } }],
      defaultBackendRefs: [{ name: 'v1', weight: 1, priority: 0 }],
      loadBalancing: {
        algorithm: 'RoundRobin',
        locality: { mode: 'Any' },
        failover: { minHealthyPercent: 50, failbackDelay: '30s' },
      },
      sessionAffinity: { type: 'None' },
      healthCheck: {
        passive: {
          mode: 'Enabled',
          consecutiveFailures: 5,
          baseEjection: '30s',
          maxEjection: '300s',
          maxEjectionPercent: 50,
        },
        failOpen: { mode: 'WhenNoneHealthy' },
      },
      resilience: {
        timeouts: { connect: '2s', responseHeader: '60s' },
        retries: {
          attempts: 1,
          retryOn: ['ConnectFailure', 'RefusedStream', 'ResetBeforeResponse'],
          budget: { percent: 20, minPerSecond: 10 },
          bufferBytes: 65_536,
        },
      },
      lifecycle: {
        terminatingEndpoints: 'Drain',
        drainTimeout: '30s',
        noEndpoints: { statusCode: 503, retryAfterSeconds: 1 },
      },
      paused: false,
    });
  });

  it('fills them in inside lists and around what is given', () => {
    const validation = poolValidator.validate(
      object({
        ...MINIMAL,
        resilience: { retries: { attempts: 0 } },
        healthCheck: { active: { type: 'HTTP' } },
      }),
    );
    expect(validation).toMatchObject({
      pool: {
        spec: {
          resilience: { timeouts: { connect: '2s' }, retries: { attempts: 0, bufferBytes: 65_536 } },
          healthCheck: { active: { type: 'HTTP', interval: '5s' }, passive: { mode: 'Enabled' } },
        },
      },
    });
  });

  it('takes null for absent, as the API server does', () => {
    const validation = poolValidator.validate(
      object({ ...MINIMAL, routes: null, loadBalancing: null, paused: null }),
    );
    expect(validation).toMatchObject({
      ok: true,
      pool: { spec: { loadBalancing: { algorithm: 'RoundRobin' }, paused: false } },
    });
    expect(validation.ok && 'routes' in validation.pool.spec).toBe(false);
  });

  it('leaves its argument as it is', () => {
    const value = object(structuredClone(MINIMAL));
    poolValidator.validate(value);
    expect(value).toEqual(object(MINIMAL));
  });

  it('collects every error with its path', () => {
    expect(
      errorsOf(
        object({
          listeners: [
            { name: 'Web', protocol: 'SCTP', port: 0 },
            { name: 'b', port: '80', color: 'red' },
          ],
          backends: MINIMAL.backends,
          loadBalancing: { algorithm: 'Fastest', slowStart: { window: '10 s' } },
        }),
      ).toSorted(),
    ).toEqual(
      [
        'spec.listeners[0].name must match ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
        'spec.listeners[0].protocol must be one of "TCP", "TLS", "UDP", "HTTP", "HTTPS"',
        'spec.listeners[0].port must be at least 1',
        'spec.listeners[1].protocol is required',
        'spec.listeners[1].port must be of type integer',
        'spec.listeners[1].color is not a known field',
        'spec.loadBalancing.algorithm must be one of "RoundRobin", "WeightedRoundRobin", "LeastConnections", "PowerOfTwoChoices", "Random", "LeastLatency", "SourceIPHash", "ConsistentHash"',
        'spec.loadBalancing.slowStart.window must match ^([0-9]{1,5}(h|m|s|ms)){1,4}$',
      ].toSorted(),
    );
  });

  it('names the reference that leads nowhere, and what there is', () => {
    const spec = {
      ...MINIMAL,
      routes: [{ name: 'r', listeners: ['wbe'], backendRefs: [{ name: 'v1' }, { name: 'v2' }] }],
    };
    expect(errorsOf(object(spec))).toEqual(
      expect.arrayContaining([
        'spec.routes[0].listeners[0] no listener is called wbe; there are web',
        'spec.routes[0].backendRefs[1].name no backend is called v2; there are v1',
      ]),
    );
  });

  it('finds what is twice in a list with keys', () => {
    const spec = {
      ...MINIMAL,
      listeners: [...MINIMAL.listeners, { name: 'web', protocol: 'HTTP', port: 81 }],
    };
    expect(errorsOf(object(spec))).toEqual(['spec.listeners[1] web is there already']);
    const hosts = ['a.example.com', 'b.example.com', 'a.example.com'];
    const twice = { ...MINIMAL, listeners: [{ ...MINIMAL.listeners[0], hostnames: hosts }] };
    expect(errorsOf(object(twice))).toEqual([
      'spec.listeners[0].hostnames[2] a.example.com is there already',
    ]);
  });
});

// CATALOGUE I07
describe('a malformed pool', () => {
  const cases: readonly [string, unknown][] = [
    ['is null', null],
    ['is a list', [object(MINIMAL)]],
    ['has no spec', { ...object(MINIMAL), spec: undefined }],
    ['has null for a required list', object({ ...MINIMAL, listeners: null })],
    ['has a null item', object({ ...MINIMAL, listeners: [null] })],
    ['has an unknown field', object({ ...MINIMAL, listenrs: [] })],
    ['has a string of 10,000 characters', object({ ...MINIMAL, className: 'a'.repeat(10_000) })],
    ['has text beyond ASCII for a name', object({ ...MINIMAL, className: 'größe' })],
    ['has a negative port', object({ ...MINIMAL, listeners: [{ name: 'a', protocol: 'TCP', port: -1 }] })],
    ['has port 0', object({ ...MINIMAL, listeners: [{ name: 'a', protocol: 'TCP', port: 0 }] })],
    ['has port 65536', object({ ...MINIMAL, listeners: [{ name: 'a', protocol: 'TCP', port: 65_536 }] })],
    ['has half a port', object({ ...MINIMAL, listeners: [{ name: 'a', protocol: 'TCP', port: 80.5 }] })],
    ['has a list for an object', object({ ...MINIMAL, loadBalancing: [] })],
    ['has another kind', { ...object(MINIMAL), kind: 'Service' }],
    ['has another version', { ...object(MINIMAL), apiVersion: 'evenkeel.dev/v1' }],
    ['has no name', object(MINIMAL, {})],
    ['has a bad name', object(MINIMAL, { name: '../etc' })],
    ['has a bad namespace', object(MINIMAL, { name: 'a', namespace: 'b/c' })],
    ['has no metadata', object(MINIMAL, null)],
  ];
  it.each(cases)('is refused when it %s', (_, value) => {
    expect(errorsOf(value).length).toBeGreaterThan(0);
  });

  it('of 1.5 MB is refused in bounded time, with a bounded list of errors', () => {
    const listeners = Array.from({ length: 30_000 }, (_, i) => ({
      name: `l${i}`,
      protocol: 'HTTP',
      port: 0,
    }));
    const start = performance.now();
    expect(errorsOf(object({ ...MINIMAL, listeners })).length).toBeLessThanOrEqual(100);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

// CATALOGUE J05
describe('names that mean something elsewhere', () => {
  it.each(['constructor', 'prototype', 'tostring', 'hasownproperty', 'valueof'])(
    '%s is a name like any other',
    (name) => {
      const spec = {
        listeners: [{ name, protocol: 'HTTP', port: 80 }],
        backends: [{ name, service: { name, port: name } }],
        routes: [{ name, listeners: [name], backendRefs: [{ name }] }],
      };
      expect(errorsOf(object(spec, { name, namespace: name }))).toEqual([]);
    },
  );

  it('__proto__ is an unknown field, and changes no prototype', () => {
    const value: unknown = JSON.parse(
      JSON.stringify(object(MINIMAL)).replace('"spec":{', '"spec":{"__proto__":{"paused":true},'),
    );
    expect(errorsOf(value)).toEqual(['spec.__proto__ is not a known field']);
    const fromYaml: unknown = parse(
      'apiVersion: evenkeel.dev/v1alpha1\nkind: LoadBalancerPool\nmetadata: {name: a, __proto__: {x: 1}}\nspec: {__proto__: {paused: true}}',
    );
    expect(errorsOf(fromYaml).length).toBeGreaterThan(0);
    expect(({} as { paused?: boolean }).paused).toBeUndefined();
  });

  it.each(['a\nb', '${x}', '"', '../x', '{{x}}', '__proto__', "a'; drop"])('%j is no name', (name) => {
    expect(errorsOf(object({ ...MINIMAL, listeners: [{ name, protocol: 'HTTP', port: 80 }] }))).not.toEqual(
      [],
    );
  });

  it.each(['a\r\nb: c', 'a\0b', ' a'])('%j is no value of a header', (value) => {
    const filter = {
      type: 'RequestHeaderModifier',
      requestHeaderModifier: { set: [{ name: 'x-a', value }] },
    };
    expect(errorsOf(object({ ...MINIMAL, routes: [{ name: 'r', filters: [filter] }] }))).not.toEqual([]);
  });
});
