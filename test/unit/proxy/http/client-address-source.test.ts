import { describe, expect, it } from 'vitest';
import {
  clientAddressOf,
  compileClientAddressSource,
  isTrustedPeer,
} from '../../../../proxy/http/client-address-source.ts';

describe('clientAddressOf', () => {
  it.each([
    ['198.51.100.7', 1, '198.51.100.7'],
    ['203.0.113.1, 198.51.100.7', 1, '198.51.100.7'],
    ['203.0.113.1,198.51.100.7', 2, '203.0.113.1'],
    ['2001:DB8:0:0::1', 1, '2001:db8::1'],
    ['::ffff:198.51.100.7', 1, '198.51.100.7'],
    ['198.51.100.7:4711', 1, '198.51.100.7'],
    ['[2001:db8::1]:4711', 1, '2001:db8::1'],
    ['[2001:db8::1]', 1, '2001:db8::1'],
    // Not the word of a proxy of ours: the connection counts.
    [undefined, 1, '192.0.2.1'],
    ['198.51.100.7', 2, '192.0.2.1'],
    ['', 1, '192.0.2.1'],
    ['unknown', 1, '192.0.2.1'],
    ['198.51.100.7, ', 1, '192.0.2.1'],
    ['0198.51.100.7', 1, '192.0.2.1'],
    ['3325256711', 1, '192.0.2.1'],
    ['fe80::1%eth0', 1, '192.0.2.1'],
  ])('takes from %j, %i from the right, %s', (header, hops, address) => {
    expect(clientAddressOf(header, hops, '192.0.2.1')).toBe(address);
  });
});

describe('isTrustedPeer', () => {
  const source = compileClientAddressSource({
    source: 'XForwardedFor',
    trustedHops: 1,
    trustedCIDRs: ['10.0.0.0/8', '2001:db8::/32'],
  });

  it('believes peers in the ranges, however their address is written', () => {
    expect(isTrustedPeer(source, '10.1.2.3')).toBe(true);
    expect(isTrustedPeer(source, '::ffff:10.1.2.3')).toBe(true);
    expect(isTrustedPeer(source, '2001:db8::7')).toBe(true);
    expect(isTrustedPeer(source, '11.0.0.1')).toBe(false);
    expect(isTrustedPeer(source, '')).toBe(false);
  });

  it('believes nobody by default', () => {
    expect(isTrustedPeer(compileClientAddressSource({ source: 'Connection' }), '10.1.2.3')).toBe(false);
  });
});
