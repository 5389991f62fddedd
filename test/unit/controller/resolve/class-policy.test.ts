import { describe, expect, it } from 'vitest';
import {
  isHostnameAllowed,
  isPortAllowed,
  parseClassRules,
} from '../../../../controller/resolve/class-policy.ts';

describe('rules of a class', () => {
  const policy = parseClassRules(
    '[{"namespaces":["shop"],"ports":[80,443],"hostnames":["*.shop.example.com"]},{"namespaces":["blog"]}]',
  );

  it.each([
    ['a port that a rule names', 'shop', 443, true],
    ['a port that none names', 'shop', 8080, false],
    ['any port of a rule without ports', 'blog', 8080, true],
    ['a namespace that no rule names', 'other', 443, false],
  ])('%s', (_, namespace, port, allowed) => {
    expect(isPortAllowed(policy, namespace, port)).toBe(allowed);
  });

  it.each([
    ['a host that a rule covers', 'www.shop.example.com', true],
    ['a wildcard that a rule covers', '*.eu.shop.example.com', true],
    ['a host that none covers', 'blog.example.com', false],
    ['every host, where a rule names some', undefined, false],
  ])('%s', (_, hostname, allowed) => {
    expect(isHostnameAllowed(policy, { namespace: 'shop', port: 443, hostname })).toBe(allowed);
  });

  it.each([
    ['no JSON', '{', /JSON/],
    ['no list', '{"ports":[80]}', /a list of rules is wanted/],
    ['no object', '["shop"]', /rule 0 is no object/],
    ['an unknown member', '[{}, {"port":[80]}]', /rule 1 has port; there are namespaces, ports, hostnames/],
    ['an empty list', '[{"namespaces":[]}]', /rule 0: namespaces/],
    ['a port that is none', '[{"ports":[70000]}]', /rule 0: ports/],
  ])('are refused with %s', (_, text, reason) => {
    expect(() => parseClassRules(text)).toThrow(reason);
  });
});
