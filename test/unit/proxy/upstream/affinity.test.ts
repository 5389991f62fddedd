import { describe, expect, it } from 'vitest';
import { affinityToken, CookieAffinity } from '../../../../proxy/upstream/affinity.ts';
import { UpstreamFixture, endpoints } from '../../../support/upstreams.ts';

describe('affinityToken', () => {
  it('is the same on every proxy and after a restart', () => {
    // HMAC-SHA-256 of the key, made with openssl.
    expect(affinityToken('uid-1', 'uid-1/v1/static/10.0.0.1/80')).toBe('tg0gd_XgSxvb8S6DfrAo');
  });

  it('differs between pools, backends, pods and addresses', () => {
    const keys = ['p/v1/a/10.0.0.1/80', 'p/v2/a/10.0.0.1/80', 'p/v1/b/10.0.0.1/80', 'p/v1/a/10.0.0.1/81'];
    const tokens = [...keys.map((key) => affinityToken('p', key)), affinityToken('q', keys[0]!)];
    expect(new Set(tokens).size).toBe(5);
  });

  it('is a valid cookie value that shows no address', () => {
    expect(affinityToken('p', 'p/v1/static/10.0.0.1/80')).toMatch(/^[\w-]{20}$/);
  });
});

describe('CookieAffinity', () => {
  const [endpoint] = new UpstreamFixture(endpoints(1)).upstream.endpoints;

  it('binds for the browser session without a ttl, and only over TLS when the client came that way', () => {
    const affinity = new CookieAffinity('uid-1', { name: 'ek_aff' });
    const token = affinityToken('uid-1', endpoint!.key);
    expect(affinity.setCookie(endpoint!, false)).toBe(`ek_aff=${token}; Path=/; HttpOnly; SameSite=Lax`);
    expect(affinity.setCookie(endpoint!, true)).toMatch(/; Secure$/);
  });

  it('binds for whole seconds with a ttl, at least as long as asked', () => {
    const affinity = new CookieAffinity('uid-1', { name: 'ek_aff', ttlMs: 1_500 });
    expect(affinity.setCookie(endpoint!, false)).toContain('; Max-Age=2;');
  });
});
