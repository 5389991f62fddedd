import { describe, expect, it } from 'vitest';
import { type Redirect, redirectLocation } from '../../../../proxy/routing/redirect.ts';
import { listener } from '../../../support/builders.ts';
import { request } from '../../../support/request-view.ts';

describe('the location of a redirect', () => {
  const path = { type: 'PathPrefix', value: '/a' } as const;
  it.each<[string, Omit<Redirect, 'type' | 'statusCode'>, 'HTTP' | 'HTTPS', number, string]>([
    [
      'the scheme changes, its well-known port follows',
      { scheme: 'https' },
      'HTTP',
      8080,
      'https://h.test/a/b?q=1',
    ],
    [
      'a port the new scheme does not imply',
      { scheme: 'https', port: 8443 },
      'HTTP',
      80,
      'https://h.test:8443/a/b?q=1',
    ],
    [
      'the same scheme keeps the port of the listener',
      { hostname: 'n.test' },
      'HTTP',
      8080,
      'http://n.test:8080/a/b?q=1',
    ],
    ['a listener on the well-known port', { hostname: 'n.test' }, 'HTTP', 80, 'http://n.test/a/b?q=1'],
    [
      'an HTTPS listener on the well-known port',
      { hostname: 'n.test' },
      'HTTPS',
      443,
      'https://n.test/a/b?q=1',
    ],
    ['HTTP on the port of HTTPS', { scheme: 'http', port: 443 }, 'HTTPS', 443, 'http://h.test:443/a/b?q=1'],
    ['a full path', { path: { type: 'ReplaceFullPath', value: '/n' } }, 'HTTP', 80, 'http://h.test/n?q=1'],
    ['a prefix', { path: { type: 'ReplacePrefixMatch', value: '/n' } }, 'HTTP', 80, 'http://h.test/n/b?q=1'],
  ])('%s', (_, over, protocol, port, expected) => {
    const redirect: Redirect = { type: 'RequestRedirect', statusCode: 302, ...over };
    const taken = { path, listener: listener({ protocol, port }) };
    expect(redirectLocation(redirect, taken, request({ url: 'h.test/a/b?q=1' }))).toBe(expected);
  });

  it('has no question mark when the request has no query', () => {
    const taken = { path, listener: listener({ port: 80 }) };
    const redirect: Redirect = { type: 'RequestRedirect', statusCode: 301, hostname: 'n.test' };
    expect(redirectLocation(redirect, taken, request({ url: 'h.test/a' }))).toBe('http://n.test/a');
  });

  it('is a path when nobody names a host', () => {
    const redirect: Redirect = { type: 'RequestRedirect', statusCode: 301, scheme: 'https' };
    expect(redirectLocation(redirect, { path, listener: listener() }, request({ url: '/a?b' }))).toBe('/a?b');
  });
});
