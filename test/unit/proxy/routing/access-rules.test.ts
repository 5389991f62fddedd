import { describe, expect, it } from 'vitest';
import { compileAccess } from '../../../../proxy/routing/access-rules.ts';

const rules = (allowCIDRs: string[], denyCIDRs: string[]) => ({ allowCIDRs, denyCIDRs });

describe('access rules', () => {
  it('are nothing to ask when no list is set', () => {
    expect(compileAccess([rules([], []), undefined])).toBeUndefined();
  });

  it.each([
    ['an empty allow list allows', [rules([], ['192.0.2.0/24'])], '198.51.100.1', true],
    ['a denied client', [rules([], ['192.0.2.0/24'])], '192.0.2.1', false],
    ['deny wins over allow', [rules(['192.0.2.0/24'], ['192.0.2.1/32'])], '192.0.2.1', false],
    ['its neighbour stays allowed', [rules(['192.0.2.0/24'], ['192.0.2.1/32'])], '192.0.2.2', true],
    ['not on the allow list', [rules(['192.0.2.0/24'], [])], '198.51.100.1', false],
    [
      'the listener and the route must both allow',
      [rules(['10.0.0.0/8'], []), rules(['10.1.0.0/16'], [])],
      '10.2.0.1',
      false,
    ],
    ['both allow', [rules(['10.0.0.0/8'], []), rules(['10.1.0.0/16'], [])], '10.1.0.1', true],
    ['an IPv4-mapped client is its IPv4 address', [rules([], ['192.0.2.0/24'])], '::ffff:192.0.2.1', false],
    ['a client without an address', [rules([], ['192.0.2.0/24'])], '', false],
  ])('%s', (_, all, client, expected) => {
    expect(compileAccess(all)!(client)).toBe(expected);
  });
});
