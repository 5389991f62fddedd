import { describe, expect, it } from 'vitest';
import type { Route } from '../../../../api/snapshot.ts';
import { compileL4Routes } from '../../../../proxy/routing/l4-routes.ts';
import {
  backendRef,
  listener,
  poolConfig,
  poolSnapshot,
  route,
  routeMatch,
} from '../../../support/builders.ts';

function tableOf(protocol: 'TCP' | 'TLS', hostnames: string[], routes: Partial<Route>[], defaults = true) {
  const on = listener({ name: 'in', protocol, hostnames });
  const pool = poolSnapshot({
    config: poolConfig({
      listeners: [on],
      routes: routes.map((over) => route({ listeners: ['in'], ...over })),
      defaultBackendRefs: defaults ? [backendRef()] : [],
    }),
  });
  return compileL4Routes([{ pool, listener: on }], (source) => source.route?.name ?? 'default');
}

const from = (...sourceCIDRs: string[]) => [routeMatch({ sourceCIDRs })];

describe('the routes of an L4 listener', () => {
  const table = tableOf(
    'TCP',
    [],
    [
      { name: 'ten', matches: from('10.0.0.0/8', '2001:db8::/32') },
      { name: 'office', matches: from('10.1.0.0/16', '192.0.2.0/24') },
      { name: 'host', matches: from('10.1.2.3/32') },
      { name: 'v6', matches: from('2001:db8:1::/48') },
    ],
  );
  it.each([
    ['10.9.9.9', 'ten'],
    ['10.1.9.9', 'office'],
    ['192.0.2.9', 'office'],
    ['10.1.2.3', 'host'],
    ['::ffff:10.1.2.3', 'host'],
    ['2001:db8::1', 'ten'],
    ['2001:db8:1::1', 'v6'],
    ['198.51.100.1', 'default'],
    ['', 'default'],
  ])('%s goes to %s', (client, expected) => {
    expect(table.lookup(client)).toBe(expected);
  });

  it('put a route without sourceCIDRs before the defaults', () => {
    const all = tableOf('TCP', [], [{ name: 'all' }, { name: 'ten', matches: from('10.0.0.0/8') }]);
    expect(all.lookup('198.51.100.1')).toBe('all');
    expect(all.lookup('10.0.0.1')).toBe('ten');
  });

  it('leave out routes that do not name the listener', () => {
    expect(tableOf('TCP', [], [{ name: 'http', listeners: [] }]).lookup('10.0.0.1')).toBe('default');
  });

  it('take nobody else when there are no defaults', () => {
    const table = tableOf('TCP', [], [{ name: 'ten', matches: from('10.0.0.0/8') }], false);
    expect(table.lookup('10.0.0.1')).toBe('ten');
    expect(table.lookup('11.0.0.1')).toBeUndefined();
  });

  it('go by server name first on TLS', () => {
    const tls = tableOf(
      'TLS',
      ['*.a.test'],
      [
        { name: 'x', hostnames: ['x.a.test'], matches: from('10.0.0.0/8') },
        { name: 'any', matches: from('10.1.0.0/16') },
      ],
    );
    expect(tls.lookup('10.1.0.1', 'x.a.test')).toBe('x');
    expect(tls.lookup('10.1.0.1', 'y.a.test')).toBe('any');
    expect(tls.lookup('11.0.0.1', 'x.a.test')).toBe('default');
    expect(tls.lookup('10.1.0.1', 'a.test')).toBeUndefined();
    expect(tls.lookup('10.1.0.1')).toBeUndefined();
  });
});
