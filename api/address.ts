import ipaddr from 'ipaddr.js';

/**
 * IP addresses and ranges, read strictly: dotted decimal without leading zeros, or RFC 4291 text without a zone.
 * What other parsers also take (octal, hexadecimal, one big number, `127.1`) is not an address here, so that no
 * spelling slips past a range check.
 */

export interface AddressRange {
  /** The range with its host bits cleared, in canonical text. */
  readonly text: string;
  /** One of the spellings of an address, see `addressSpellings`. */
  contains(bytes: readonly number[]): boolean;
}

type Parsed = ipaddr.IPv4 | ipaddr.IPv6;

/** Canonical text (RFC 5952), an IPv4-mapped IPv6 address as IPv4; undefined when it is no address. */
export function canonicalAddress(text: string): string | undefined {
  const parsed = parse(text);
  return parsed === undefined ? undefined : unmapped(parsed).toString();
}

export function isIPv6(canonical: string): boolean {
  return canonical.includes(':');
}

/** As the API server's CEL function isIP: an IPv4-mapped IPv6 address is none. */
export function isIP(text: string): boolean {
  const parsed = parse(text);
  return parsed !== undefined && !isMapped(parsed);
}

/** As the API server's CEL function isCIDR: host bits may be set, an IPv4-mapped range is none. */
export function isCIDR(text: string): boolean {
  const parsed = parseRange(text);
  return parsed !== undefined && !isMapped(parsed[0]);
}

/** Undefined when `cidr` is no range. */
export function addressRange(cidr: string): AddressRange | undefined {
  const parsed = parseRange(cidr);
  if (parsed === undefined) return undefined;
  const [base, length] = parsed;
  const masks = maskOf(base.toByteArray().length, length);
  const network = base.toByteArray().map((byte, i) => byte & masks[i]!);
  return {
    text: `${ipaddr.fromByteArray(network).toString()}/${length}`,
    contains: (bytes) =>
      bytes.length === network.length && network.every((byte, i) => (bytes[i]! & masks[i]!) === byte),
  };
}

/** The bytes of an address, and those of the IPv4 address inside it when it is IPv4-mapped or of NAT64 (RFC 6052). */
export function addressSpellings(text: string): number[][] {
  const address = parse(text);
  if (address === undefined) return [];
  const bytes = address.toByteArray();
  const isEmbedding =
    bytes.length === 16 && EMBEDDING_PREFIXES.some((known) => known.every((byte, i) => byte === bytes[i]));
  return isEmbedding ? [bytes, bytes.slice(12)] : [bytes];
}

function parse(text: string): Parsed | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text);
}

function parseRange(text: string): [Parsed, number] | undefined {
  const slash = text.indexOf('/');
  const length = text.slice(slash + 1);
  if (slash < 0 || !/^(0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  const base = parse(text.slice(0, slash));
  if (base === undefined || Number(length) > base.toByteArray().length * 8) return undefined;
  return [base, Number(length)];
}

function isMapped(address: Parsed): boolean {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();
}

function unmapped(address: Parsed): Parsed {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

const EMBEDDING_PREFIXES: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
  [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0],
];

function maskOf(bytes: number, length: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, length - i * 8))) & 0xff);
}
