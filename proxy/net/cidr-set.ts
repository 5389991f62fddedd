import ipaddr from 'ipaddr.js';

/**
 * An address as a number: 32 bits of IPv4, or 128 bits of IPv6 as a bigint. An IPv4-mapped IPv6 address is its
 * IPv4 address.
 */
export type AddressValue = number | bigint;

/** Compiled once, asked often. `::/0` takes IPv6 only and `0.0.0.0/0` IPv4 only. */
export interface CidrSet {
  readonly empty: boolean;
  has(address: AddressValue): boolean;
}

/** Undefined for what is not an address in canonical text form. */
export function parseAddress(text: string): AddressValue | undefined {
  return parseIPv4(text) ?? parseIPv6(text);
}

/** Throws on a bad entry; validation has refused those before a snapshot is made. */
export function compileCidrSet(cidrs: readonly string[]): CidrSet {
  const v4: Range<number>[] = [];
  const v6: Range<bigint>[] = [];
  for (const cidr of cidrs) {
    const range = parseCidr(cidr);
    if (typeof range.first === 'number') v4.push(range as Range<number>);
    else v6.push(range as Range<bigint>);
  }
  const mergedV4 = mergeRanges(v4);
  const mergedV6 = mergeRanges(v6);
  return {
    empty: cidrs.length === 0,
    has: (address) =>
      typeof address === 'number' ? inRanges(mergedV4, address) : inRanges(mergedV6, address),
  };
}

interface Range<V extends AddressValue> {
  readonly first: V;
  last: V;
}

function parseCidr(cidr: string): Range<number> | Range<bigint> {
  const slash = cidr.indexOf('/');
  const bits = Number(cidr.slice(slash + 1));
  const address = slash === -1 ? undefined : parseAddress(cidr.slice(0, slash));
  if (address === undefined || !Number.isInteger(bits)) throw new Error(`not a CIDR: ${cidr}`);
  if (typeof address === 'bigint') return rangeOfIPv6(address, bits);
  return rangeOfIPv4(address, cidr.includes(':') ? bits - 96 : bits);
}

function rangeOfIPv4(address: number, bits: number): Range<number> {
  const size = 2 ** (32 - bits);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}

function rangeOfIPv6(address: bigint, bits: number): Range<bigint> {
  const hostBits = BigInt(128 - bits);
  const first = (address >> hostBits) << hostBits;
  return { first, last: first + (1n << hostBits) - 1n };
}

/** Sorted and apart, so that a binary search finds the only one that can hold an address. */
function mergeRanges<V extends AddressValue>(ranges: readonly Range<V>[]): Range<V>[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : Number(a.first > b.first)));
  const merged: Range<V>[] = [];
  for (const range of sorted) {
    const previous = merged.at(-1);
    if (previous === undefined || range.first > previous.last) merged.push({ ...range });
    else if (range.last > previous.last) previous.last = range.last;
  }
  return merged;
}

function inRanges<V extends AddressValue>(ranges: readonly Range<V>[], address: V): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle]!;
    if (address < range.first) high = middle - 1;
    else if (address > range.last) low = middle + 1;
    else return true;
  }
  return false;
}

const DOT = 0x2e;
const ZERO = 0x30;

/** Dotted quads only: no octal, no leading zeros, no short forms. */
function parseIPv4(text: string): number | undefined {
  let value = 0;
  let octet = -1;
  let octets = 1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octet === -1 || octets === 4) return undefined;
      value = value * 256 + octet;
      octets += 1;
      octet = -1;
    } else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || octet === 0) return undefined;
      octet = octet === -1 ? digit : octet * 10 + digit;
      if (octet > 255) return undefined;
    }
  }
  return octets === 4 && octet !== -1 ? value * 256 + octet : undefined;
}

function parseIPv6(text: string): AddressValue | undefined {
  if (!text.includes(':') || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  if (address.isIPv4MappedAddress()) return parseIPv4(address.toIPv4Address().toString());
  let value = 0n;
  for (const part of address.parts) value = (value << 16n) | BigInt(part);
  return value;
}
