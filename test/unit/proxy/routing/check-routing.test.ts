import { describe, expect, it } from 'vitest';
import { checkRouting } from '../../../../proxy/routing/check-routing.ts';
import { listener, poolConfig, route, routeMatch } from '../../../support/builders.ts';

describe('the check of a snapshot', () => {
  it('finds nothing where there is nothing', () => {
    const match = routeMatch({
      path: { type: 'RegularExpression', value: '/a.*' },
      sourceCIDRs: ['10.0.0.0/8'],
    });
    expect(checkRouting(poolConfig({ routes: [route({ matches: [match] })] }))).toEqual([]);
  });

  it('finds everything that cannot be compiled, with its place', () => {
    const bad = { type: 'RegularExpression', value: '(' } as const;
    const match = routeMatch({
      path: bad,
      headers: [
        { name: 'a', type: 'Present' },
        { name: 'b', ...bad },
      ],
      queryParams: [{ name: 'a', ...bad }],
      cookies: [{ name: 'a', ...bad }],
      sourceCIDRs: ['10.0.0.0'],
      body: { type: 'JSON', jsonPath: '$..a', value: bad, onUnreadable: 'NoMatch' },
    });
    const accessRules = { allowCIDRs: ['x/8'], denyCIDRs: ['y/8'] };
    const config = poolConfig({
      listeners: [listener({ accessRules })],
      routes: [route(), route({ matches: [routeMatch(), match], accessRules })],
    });
    const faults = checkRouting(config);
    expect(faults.map(({ path }) => path)).toEqual([
      'spec.listeners["web"].accessRules.allowCIDRs',
      'spec.listeners["web"].accessRules.denyCIDRs',
      'spec.routes[1].accessRules.allowCIDRs',
      'spec.routes[1].accessRules.denyCIDRs',
      'spec.routes[1].matches[1].path.value',
      'spec.routes[1].matches[1].headers[1].value',
      'spec.routes[1].matches[1].queryParams[0].value',
      'spec.routes[1].matches[1].cookies[0].value',
      'spec.routes[1].matches[1].sourceCIDRs',
      'spec.routes[1].matches[1].body.json.path',
      'spec.routes[1].matches[1].body.value.value',
    ]);
    const dots = routeMatch({ path: { type: 'Exact', value: '/a/..;/b' } });
    expect(checkRouting(poolConfig({ routes: [route({ matches: [dots] })] }))).toEqual([
      { path: 'spec.routes[0].matches[0].path.value', message: 'no request has this path: path_dots' },
    ]);
    expect(faults[0]?.message).toContain('not a CIDR');
    expect(faults[4]?.message).toContain('missing closing )');
  });
});
