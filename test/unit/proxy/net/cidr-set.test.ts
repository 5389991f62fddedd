import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCidrSet, parseAddress } from '../../../../proxy/net/cidr-set.ts';

const has = (cidrs: string[], address: string) => compileCidrSet(cidrs).has(parseAddress(address)!);

describe('an address', () => {
  it.each([
    ['0.0.0.0', 0],
    ['255.255.255.255', 0xffff_ffff],
    ['192.0.2.1', 0xc000_0201],
    ['::ffff:192.0.2.1', 0xc000_0201],
    ['::ffff:c000:201', 0xc000_0201],
    ['::1', 1n],
    ['2001:db8::1', 0x2001_0db8_0000_0000_0000_0000_0000_0001n],
  ])('%s is %s', (text, value) => {
    expect(parseAddress(text)).toBe(value);
  });

  // J04: one spelling only
  it.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '0x1.2.3.4',
    '1.2.3.256',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '2130706433',
    'localhost',
    'a::b::c',
    '1.2.3.4 ',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe('a set of CIDRs', () => {
  it.each([
    [['10.0.0.0/8'], '10.255.255.255', true],
    [['10.0.0.0/8'], '11.0.0.0', false],
    [['10.0.0.0/8'], '9.255.255.255', false],
    [['10.1.2.3/8'], '10.200.0.1', true],
    [['192.0.2.1/32'], '192.0.2.1', true],
    [['192.0.2.1/32'], '192.0.2.2', false],
    [['0.0.0.0/0'], '203.0.113.1', true],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['::/0'], '2001:db8::1', true],
    [['::/0'], '203.0.113.1', false],
    [['::ffff:10.0.0.0/104'], '10.1.1.1', true],
    [['::ffff:10.0.0.0/104'], '11.1.1.1', false],
    [['2001:db8::/32'], '2001:db8:ffff::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['2001:db8::1/128'], '2001:db8::1', true],
    [[], '10.0.0.1', false],
  ])('%j and %s: %s', (cidrs, address, expected) => {
    expect(has(cidrs, address)).toBe(expected);
  });

  it.each(['10.0.0.0', '10.0.0/8', 'x/8', '10.0.0.0/x'])('refuses %j', (cidr) => {
    expect(() => compileCidrSet([cidr])).toThrow(/not a CIDR/);
  });

  it('holds what one of its members holds', () => {
    const v4 = fc.tuple(fc.nat(0xffff_ffff), fc.integer({ min: 0, max: 32 }));
    const text = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
    fc.assert(
      fc.property(fc.array(v4, { maxLength: 8 }), fc.nat(0xffff_ffff), fc.nat(7), (ranges, free, near) => {
        // Also ask addresses at the edges of a range.
        const [base, bits] = ranges[near] ?? [free, 0];
        const address = near % 2 === 0 ? free : (base ^ (2 ** (32 - bits) - 1)) >>> 0;
        const one = (value: number, length: number) =>
          length === 0 || value >>> (32 - length) === address >>> (32 - length);
        const expected = ranges.some(([value, length]) => one(value, length));
        expect(
          has(
            ranges.map(([value, length]) => `${text(value)}/${length}`),
            text(address),
          ),
        ).toBe(expected);
      }),
    );
  });
});
