import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressRange, addressSpellings, canonicalAddress, isCIDR, isIP } from '../../../api/address.ts';

function contains(cidr: string, address: string): boolean {
  const range = addressRange(cidr);
  return addressSpellings(address).some((bytes) => range?.contains(bytes));
}

describe('addresses', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
  ])('%s is written %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each([
    '',
    '010.0.0.1',
    '10.1',
    '167772161',
    '0xa.0.0.1',
    '10.0.0.256',
    '10.0.0.1 ',
    'localhost',
    'fe80::1%eth0',
    '1::2::3',
    '[::1]',
    '١٠.0.0.1',
  ])('%j is none', (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  it('count for CEL as they do on the API server', () => {
    expect(['10.0.0.1', '::1', '::ffff:10.0.0.1'].map((text) => isIP(text))).toEqual([true, true, false]);
    expect(
      ['10.0.0.1/8', '10.0.0.0/33', '::/0', '10.0.0.0', '10.0.0.0/08', '::ffff:0:0/96'].map((text) =>
        isCIDR(text),
      ),
    ).toEqual([true, false, true, false, false, false]);
  });

  it('are in a range exactly when their first bits are those of the range', () => {
    const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
    const bits = (parts: readonly number[]): string =>
      parts.map((part) => part.toString(2).padStart(8, '0')).join('');
    fc.assert(
      fc.property(octets, octets, fc.integer({ min: 0, max: 32 }), (network, other, length) => {
        const expected = bits(network).slice(0, length) === bits(other).slice(0, length);
        expect(contains(`${network.join('.')}/${length}`, other.join('.'))).toBe(expected);
        expect(contains(`${network.join('.')}/${length}`, network.join('.'))).toBe(true);
      }),
      { seed: 3 },
    );
  });

  it('lose the host bits of a range', () => {
    expect(addressRange('10.1.2.3/8')?.text).toBe('10.0.0.0/8');
    expect(addressRange('2001:db8::1/33')?.text).toBe('2001:db8::/33');
    expect(addressRange('10.0.0.1/32')?.text).toBe('10.0.0.1/32');
  });
});
