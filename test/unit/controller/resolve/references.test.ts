import { describe, expect, it } from 'vitest';
import { resolvePool } from '../../../../controller/resolve/resolve-pool.ts';
import { podEndpoint, poolOf, serviceOf, sliceOf, worldOf } from '../../../support/pools.ts';

function poolWith(check: string): ReturnType<typeof poolOf> {
  return poolOf(`
    listeners: [{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com, "*.example.org"]}]
    backends: [{name: v1, service: {name: checkout, port: http}}]
    defaultBackendRefs: [{name: v1}]
    ${check}`);
}

function reasonsOf(
  pool: ReturnType<typeof poolOf>,
  world = worldOf({ services: [serviceOf('checkout')] }),
): string[] {
  return resolvePool(pool, world).problems.map(({ reason, path }) => `${reason} ${path}`);
}

describe('what a pool refers to', () => {
  // CATALOGUE J01
  it('is looked for in the namespace of the pool alone', () => {
    const elsewhere = { ...serviceOf('checkout'), metadata: { name: 'checkout', namespace: 'other' } };
    expect(reasonsOf(poolWith(''), worldOf({ services: [elsewhere] }))).toEqual([
      'ServiceNotFound spec.backends[0].service.name',
    ]);
  });

  // CATALOGUE J03
  it('is refused when it is a Service of type ExternalName', () => {
    const external = serviceOf('checkout', { type: 'ExternalName' });
    expect(reasonsOf(poolWith(''), worldOf({ services: [external] }))).toEqual([
      'UnsupportedServiceType spec.backends[0].service.name',
    ]);
  });

  it('is told when its port does not exist', () => {
    const service = serviceOf('checkout', { ports: [{ name: 'grpc', port: 80 }] });
    expect(reasonsOf(poolWith(''), worldOf({ services: [service] }))).toEqual([
      'PortNotFound spec.backends[0].service.port',
    ]);
  });

  it.each(['https', 'kubernetes.io/wss'])(
    'is told when it speaks %s, and nothing says how',
    (appProtocol) => {
      const service = serviceOf('checkout', { ports: [{ name: 'http', port: 80, appProtocol }] });
      expect(reasonsOf(poolWith(''), worldOf({ services: [service] }))).toEqual([
        'UnsupportedAppProtocol spec.backends[0].service.port',
      ]);
    },
  );

  it('is right to speak https where the backend has tls', () => {
    const service = serviceOf('checkout', { ports: [{ name: 'http', port: 80, appProtocol: 'https' }] });
    const pool = poolOf(`
      listeners: [{name: web, protocol: HTTP, port: 80}]
      backends: [{name: v1, service: {name: checkout, port: http}, tls: {mode: SkipVerify}}]
      defaultBackendRefs: [{name: v1}]`);
    expect(reasonsOf(pool, worldOf({ services: [service] }))).toEqual([]);
  });

  it.each([
    ['kubernetes.io/h2c', 'h2c'],
    ['grpc', 'h2c'],
    ['kubernetes.io/ws', 'http1'],
    ['http', 'http1'],
  ])('is spoken to as its port says: %s is %s', (appProtocol, spoken) => {
    const service = serviceOf('checkout', { ports: [{ name: 'http', port: 80, appProtocol }] });
    const { intent } = resolvePool(poolWith(''), worldOf({ services: [service] }));
    expect(intent?.config.backends[0]?.appProtocol).toBe(spoken);
  });
});

// CATALOGUE J08
describe('a custom prober', () => {
  const withProber = (url: string): ReturnType<typeof poolOf> =>
    poolWith(`healthCheck: {active: {type: Custom, custom: {url: "${url}"}}}`);

  it.each(['http://10.0.0.9:8080/check', 'http://[2001:db8::1]/', 'http://checkout.shop.svc/x'])(
    'may be asked at %s',
    (url) => {
      expect(reasonsOf(withProber(url))).toEqual([]);
    },
  );

  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://[::ffff:169.254.169.254]/latest/meta-data',
    'http://localhost/',
    'http://checkout.other.svc/',
    'http://gone.shop.svc/',
    'http://metadata.google.internal/',
    'http://10.0.0.9:99999/',
  ])('is never asked at %s', (url) => {
    expect(reasonsOf(withProber(url))).toEqual(['Invalid spec.healthCheck.active.custom.url']);
  });
});

describe('hostnames of a route', () => {
  it.each(['x.example.com', 'a.b.example.org', '*.a.example.org', '*.example.com'])(
    'may be %s',
    (hostname) => {
      expect(reasonsOf(poolWith(`routes: [{name: r, hostnames: ["${hostname}"]}]`))).toEqual([]);
    },
  );

  it.each(['y.example.com', 'example.org', '*.example.net'])(
    'cannot be %s, which no listener serves',
    (hostname) => {
      expect(reasonsOf(poolWith(`routes: [{name: r, hostnames: ["${hostname}"]}]`))).toEqual([
        'Invalid spec.routes[0].hostnames[0]',
      ]);
    },
  );
});

describe('endpointWeight from annotations', () => {
  it('gives each pod its own weight, and 1 where there is none or it is no weight', () => {
    const pool = poolOf(`
      listeners: [{name: web, protocol: HTTP, port: 80}]
      backends: [{name: v1, service: {name: checkout, port: http}}]
      defaultBackendRefs: [{name: v1}]
      loadBalancing: {algorithm: WeightedRoundRobin, endpointWeight: {from: Annotation}}`);
    const weights = { '10.0.0.1': '5', '10.0.0.2': '0', '10.0.0.3': '-1', '10.0.0.4': '1000001' };
    const world = worldOf({
      services: [serviceOf('checkout')],
      slices: [
        sliceOf(
          'checkout-a',
          [...Object.keys(weights), '10.0.0.5'].map((address) => podEndpoint(address)),
        ),
      ],
      pods: Object.fromEntries(
        Object.entries(weights).map(([address, weight]) => [
          `shop/pod-${address}`,
          { 'evenkeel.dev/weight': weight },
        ]),
      ),
    });
    const { intent, problems } = resolvePool(pool, world);
    expect(intent?.endpoints.get('v1')?.map(({ weight }) => weight)).toEqual([5, 0, 1, 1, 1]);
    expect(problems).toMatchObject([{ condition: 'Degraded', reason: 'InvalidWeight' }]);
    expect(problems[0]?.message).toContain('2 pods, such as pod-10.0.0.3, pod-10.0.0.4');
  });
});
