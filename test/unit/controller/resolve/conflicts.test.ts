import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSettler, settleConflicts, type Contender } from '../../../../controller/resolve/conflicts.ts';
import { resolvePool } from '../../../../controller/resolve/resolve-pool.ts';
import { poolOf, serviceOf, worldOf } from '../../../support/pools.ts';

const WORLD = worldOf({
  services: ['a', 'b', 'c'].map((namespace) => ({
    ...serviceOf('checkout'),
    metadata: { name: 'checkout', namespace },
  })),
});

/** A pool `namespace/name` that is `age` seconds younger than the epoch. */
function contender(id: string, listeners: string, { age = 0, more = '' } = {}): Contender {
  const [namespace, name] = id.split('/');
  const creationTimestamp = new Date(age * 1000).toISOString();
  const pool = poolOf(
    `listeners: [${listeners}]
backends: [{name: v1, service: {name: checkout, port: http}}]
defaultBackendRefs: [{name: v1}]
${more}`,
    { namespace, name, uid: id, creationTimestamp },
  );
  const { intent, served, problems } = resolvePool(pool, WORLD);
  expect(problems.filter(({ condition }) => condition === 'Accepted')).toEqual([]);
  return { intent: intent!, served: served! };
}

const HTTPS_HOST =
  '{name: web, protocol: HTTPS, port: 443, hostnames: [x.example.com], tls: {certificateRefs: [{name: shop}]}}';
const TLS_HOST =
  '{name: tls, protocol: TLS, port: 443, hostnames: [x.example.com], tls: {mode: Passthrough}}';

function outcome(settlement: ReturnType<typeof settleConflicts>, uid: string): object {
  const { config, problems } = settlement.get(uid)!;
  return {
    serves: (config?.listeners ?? []).map(({ name, hostnames }) => [name, ...hostnames].join(' ')),
    problems: problems.map(({ reason, path }) => `${reason} ${path}`),
  };
}

// CATALOGUE J13
describe('settleConflicts', () => {
  const cases: readonly { name: string; older: Contender; younger: Contender; left: object }[] = [
    {
      name: 'gives a TCP port to the older pool',
      older: contender('a/old', '{name: db, protocol: TCP, port: 5432}'),
      younger: contender('a/young', '{name: db, protocol: TCP, port: 5432}', { age: 1 }),
      left: { serves: [], problems: ['PortConflict spec.listeners[0].port'] },
    },
    {
      name: 'leaves the younger pool its other ports',
      older: contender('a/old', '{name: db, protocol: TCP, port: 5432}'),
      younger: contender(
        'a/young',
        '{name: web, protocol: HTTP, port: 80}, {name: db, protocol: HTTP, port: 5432}',
        { age: 1 },
      ),
      left: { serves: ['web'], problems: ['PortConflict spec.listeners[1].port'] },
    },
    {
      name: 'knows TCP and UDP ports apart',
      older: contender('a/old', '{name: dns, protocol: UDP, port: 53}'),
      younger: contender('b/young', '{name: dns, protocol: TCP, port: 53}', { age: 1 }),
      left: { serves: ['dns'], problems: [] },
    },
    {
      name: 'lets pools of one namespace share a host on a port',
      older: contender('a/old', '{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com]}', {
        more: 'routes: [{name: r, matches: [{path: {value: /a}}]}]',
      }),
      younger: contender('a/young', '{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com]}', {
        age: 1,
        more: 'routes: [{name: r, matches: [{path: {value: /b}}]}]',
      }),
      left: { serves: ['web x.example.com'], problems: [] },
    },
    {
      name: 'lets pools of one namespace share an HTTPS host, if they have the same certificate',
      older: contender('a/old', HTTPS_HOST, { more: 'routes: [{name: r, matches: [{path: {value: /a}}]}]' }),
      younger: contender('a/young', HTTPS_HOST, {
        age: 1,
        more: 'routes: [{name: r, matches: [{path: {value: /b}}]}]',
      }),
      left: { serves: ['web x.example.com'], problems: [] },
    },
    {
      name: 'leaves an HTTPS host to the pool that had it first when the TLS is another',
      older: contender('a/old', HTTPS_HOST),
      younger: contender(
        'a/young',
        HTTPS_HOST.replace('[x.example.com]', '[x.example.com, y.example.com]').replace(
          'tls: {',
          'tls: {minVersion: "1.3", ',
        ),
        { age: 1 },
      ),
      left: { serves: ['web y.example.com'], problems: ['ListenerConflict spec.listeners[0].hostnames[0]'] },
    },
    {
      name: 'merges TLS passthrough by host',
      older: contender('a/old', TLS_HOST),
      younger: contender('b/young', TLS_HOST.replace('x.example.com', 'y.example.com'), { age: 1 }),
      left: { serves: ['tls y.example.com'], problems: [] },
    },
    {
      name: 'gives a host of a TLS port to one pool, also in one namespace',
      older: contender('a/old', TLS_HOST),
      younger: contender('a/young', TLS_HOST, { age: 1 }),
      left: { serves: [], problems: ['HostnameConflict spec.listeners[0].hostnames[0]'] },
    },
    {
      name: 'takes a host from the namespace of the younger pool, and leaves it the others',
      older: contender('a/old', '{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com]}'),
      younger: contender(
        'b/young',
        '{name: web, protocol: HTTP, port: 80, hostnames: [y.example.com, x.example.com]}',
        { age: 1 },
      ),
      left: { serves: ['web y.example.com'], problems: ['HostnameConflict spec.listeners[0].hostnames[1]'] },
    },
    {
      name: 'reserves what a wildcard covers',
      older: contender('a/old', '{name: web, protocol: HTTP, port: 80, hostnames: ["*.example.com"]}'),
      younger: contender(
        'b/young',
        '{name: web, protocol: HTTP, port: 80, hostnames: [x.y.example.com, example.com, "*.y.example.com"]}',
        { age: 1 },
      ),
      left: {
        serves: ['web example.com'],
        problems: [
          'HostnameConflict spec.listeners[0].hostnames[2]',
          'HostnameConflict spec.listeners[0].hostnames[0]',
        ],
      },
    },
    {
      name: 'lets a younger wildcard stand beside an older host that it covers',
      older: contender('a/old', '{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com]}'),
      younger: contender('b/young', '{name: web, protocol: HTTP, port: 80, hostnames: ["*.example.com"]}', {
        age: 1,
      }),
      left: { serves: ['web *.example.com'], problems: [] },
    },
    {
      name: 'gives every host of a port to the pool that names none',
      older: contender('a/old', '{name: web, protocol: HTTP, port: 80}'),
      younger: contender('b/young', '{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com]}', {
        age: 1,
      }),
      left: { serves: [], problems: ['HostnameConflict spec.listeners[0].hostnames[0]'] },
    },
    {
      name: 'wants the settings of a connection to agree',
      older: contender('a/old', '{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com]}'),
      younger: contender(
        'a/young',
        '{name: web, protocol: HTTP, port: 80, hostnames: [y.example.com], limits: {maxRequestBody: 1Ki}}',
        { age: 1 },
      ),
      left: { serves: [], problems: ['ListenerConflict spec.listeners[0].port'] },
    },
    {
      name: 'wants a shared port to begin its connections in one way',
      older: contender(
        'a/old',
        '{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com], proxyProtocol: {mode: Required, trustedCIDRs: [10.0.0.0/8]}}',
      ),
      younger: contender('a/young', '{name: web, protocol: HTTP, port: 80, hostnames: [y.example.com]}', {
        age: 1,
      }),
      left: { serves: [], problems: ['ListenerConflict spec.listeners[0].port'] },
    },
    {
      name: 'lets nobody take part of a port by naming an address',
      older: contender('a/old', '{name: web, protocol: HTTP, port: 80}'),
      younger: contender('a/young', '{name: web, protocol: HTTP, port: 80, address: 10.0.0.5}', { age: 1 }),
      left: { serves: [], problems: ['PortConflict spec.listeners[0].port'] },
    },
    {
      name: 'lets two pools have a port on different addresses',
      older: contender('a/old', '{name: web, protocol: TCP, port: 80, address: 10.0.0.4}'),
      younger: contender('b/young', '{name: web, protocol: TCP, port: 80, address: 10.0.0.5}', { age: 1 }),
      left: { serves: ['web'], problems: [] },
    },
    {
      name: 'goes by age before it goes by name',
      older: contender('z/z', '{name: db, protocol: TCP, port: 5432}'),
      younger: contender('a/a', '{name: db, protocol: TCP, port: 5432}', { age: 1 }),
      left: { serves: [], problems: ['PortConflict spec.listeners[0].port'] },
    },
    {
      name: 'goes by namespace and name when both are of the same second',
      older: contender('a/old', '{name: db, protocol: TCP, port: 5432}'),
      younger: contender('b/young', '{name: db, protocol: TCP, port: 5432}'),
      left: { serves: [], problems: ['PortConflict spec.listeners[0].port'] },
    },
  ];

  it.each(cases)('$name', ({ older, younger, left }) => {
    for (const contenders of [
      [older, younger],
      [younger, older],
    ]) {
      const settlement = settleConflicts(contenders);
      expect(settlement.get(older.intent.uid)).toEqual({ config: older.intent.config, problems: [] });
      expect(outcome(settlement, younger.intent.uid)).toEqual(left);
    }
  });

  it('drops the routes of a lost listener, names them, and never lets them spread to other listeners', () => {
    const older = contender('a/old', '{name: web, protocol: HTTP, port: 80}');
    const younger = contender(
      'b/young',
      '{name: web, protocol: HTTP, port: 80}, {name: alt, protocol: HTTP, port: 81}',
      {
        age: 1,
        more: 'routes: [{name: only-web, listeners: [web]}, {name: both, listeners: [alt, web]}]',
      },
    );
    const { config, problems } = settleConflicts([older, younger]).get('b/young')!;
    expect(config?.routes.map(({ name, listeners }) => [name, listeners])).toEqual([['both', ['alt']]]);
    expect(problems[0]?.message).toContain('not served: routes only-web');
  });

  it('names a route that loses a tie to an older pool', () => {
    const more = 'routes: [{name: r, matches: [{path: {value: /a}}]}]';
    const listener = '{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com]}';
    const settlement = settleConflicts([
      contender('a/young', listener, { age: 1, more }),
      contender('a/old', listener, { more }),
    ]);
    expect(settlement.get('a/old')?.problems).toEqual([]);
    expect(settlement.get('a/young')?.problems).toEqual([
      {
        condition: 'Degraded',
        reason: 'RouteShadowed',
        path: 'spec.routes[0]',
        message: 'route r of pool a/old goes first with the same conditions for x.example.com on port 80',
      },
    ]);
  });

  it('names defaults that another pool has taken, unless routes of the pool use them', () => {
    const listener = '{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com]}';
    const paths = (more: string): string[] =>
      settleConflicts([contender('a/old', listener), contender('a/young', listener, { age: 1, more })])
        .get('a/young')!
        .problems.map(({ path }) => path);
    expect(paths('')).toEqual(['spec.defaultBackendRefs']);
    expect(paths('routes: [{name: r, matches: [{path: {value: /a}}]}]')).toEqual([]);
  });

  it('keeps to what the class gives to namespaces', () => {
    const listeners = '{name: web, protocol: HTTP, port: 80, hostnames: [x.example.com]}';
    const pool = contender('b/pool', listeners);
    const reasons = (rules: object[]): string[] =>
      settleConflicts([pool], { rules })
        .get('b/pool')!
        .problems.map(({ reason }) => reason);
    expect(reasons([{ namespaces: ['a'] }])).toEqual(['PortNotAllowed']);
    expect(reasons([{ ports: [8080] }])).toEqual(['PortNotAllowed']);
    expect(reasons([{ namespaces: ['b'], hostnames: ['*.example.org'] }])).toEqual(['HostnameNotAllowed']);
    expect(reasons([{ namespaces: ['b'], hostnames: ['*.example.com'], ports: [80] }])).toEqual([]);
  });

  // J14
  it('looks at no more of a port for each pool when ten times as many share it', () => {
    const template = contender('a/0', '{name: web, protocol: HTTP, port: 80}');
    const readsOf = (count: number): number => {
      let reads = 0;
      const [listener] = template.intent.config.listeners;
      const pools = Array.from({ length: count }, (_, i): Contender => {
        const counted = {
          ...listener!,
          get hostnames() {
            reads += 1;
            return [`h${i}.example.com`];
          },
        };
        const config = { ...template.intent.config, listeners: [counted] };
        return { ...template, intent: { ...template.intent, uid: `a/${i}`, name: `p${i}`, config } };
      });
      const settlement = settleConflicts(pools);
      expect([...settlement.values()].flatMap(({ problems }) => problems)).toEqual([]);
      return reads / count;
    };
    expect(readsOf(2_000)).toBeLessThanOrEqual(readsOf(200));
  });

  it('decides the same whatever order the pools come in, and gives no host of a port to two namespaces', () => {
    const hosts = ['x.example.com', 'y.example.com', '*.example.com', '*.x.example.com', 'example.org'];
    const pool = fc.record({
      namespace: fc.constantFrom('a', 'b', 'c'),
      age: fc.integer({ min: 0, max: 2 }),
      hostnames: fc.uniqueArray(fc.constantFrom(...hosts), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(pool, { maxLength: 5 }), fc.infiniteStream(fc.nat()), (specs, random) => {
        const pools = specs.map(({ namespace, age, hostnames }, i) =>
          contender(
            `${namespace}/p${i}`,
            `{name: web, protocol: HTTP, port: 80, hostnames: ${JSON.stringify(hostnames)}}`,
            { age },
          ),
        );
        const shuffled = pools
          .map((each) => ({ each, at: random.next().value }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ each }) => each);
        const settlement = settleConflicts(pools);
        const uids = pools.map(({ intent }) => intent.uid).toSorted();
        for (const uid of uids) expect(settleConflicts(shuffled).get(uid)).toEqual(settlement.get(uid));

        const owners = new Map<string, string>();
        for (const uid of uids) {
          const [listener] = settlement.get(uid)?.config?.listeners ?? [];
          if (listener === undefined) continue;
          for (const host of listener.hostnames.length > 0 ? listener.hostnames : ['']) {
            expect(owners.get(host) ?? uid.split('/')[0]).toBe(uid.split('/')[0]);
            owners.set(host, uid.split('/')[0]!);
          }
        }
      }),
      { numRuns: 60, seed: 7 },
    );
  });
});

describe('createSettler', () => {
  it('settles anew only when the configuration of a pool changes', () => {
    const settle = createSettler();
    const older = contender('a/old', '{name: db, protocol: TCP, port: 5432}');
    const younger = contender('b/young', '{name: db, protocol: TCP, port: 5432}', { age: 1 });
    const first = settle([older, younger]);
    const moved = { ...older, intent: { ...older.intent, endpoints: new Map() } };
    expect(settle([moved, younger])).toBe(first);
    expect(settle([younger]).get('b/young')?.problems).toEqual([]);
  });
});
