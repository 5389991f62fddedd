import ipaddr from 'ipaddr.js';

/**
 * IP addresses and ranges, read strictly: dotted decimal without leading zeros, or RFC 4291 text without a zone.
 * What other parsers also take (octal, hexadecimal, one big number, `127.1`) is not an address here, so that no
 * spelling slips past a range check.
 */

export interface AddressRange {
  /** The range with its host bits cleared, in canonical text. */
  readonly text: string;
  contains(address: string): boolean;
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

/** Undefined when `cidr` is no range. A range of IPv4 also contains its addresses when they come embedded in IPv6. */
export function addressRange(cidr: string): AddressRange | undefined {
  const parsed = parseRange(cidr);
  if (parsed === undefined) return undefined;
  const [base, length] = parsed;
  const network = ipaddr.fromByteArray(cleared(base.toByteArray(), length));
  return {
    text: `${network.toString()}/${length}`,
    contains: (address) => {
      const candidate = parse(address);
      if (candidate === undefined) return false;
      return spellings(candidate).some((each) => each.kind() === base.kind() && each.match(network, length));
    },
  };
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

/** The address, and the IPv4 address inside it when it is IPv4-mapped or of NAT64 (RFC 6052). */
function spellings(address: Parsed): Parsed[] {
  if (address instanceof ipaddr.IPv4) return [address];
  const bytes = address.toByteArray();
  const prefix = bytes.slice(0, 12);
  const isEmbedding = EMBEDDING_PREFIXES.some((known) => known.every((byte, i) => byte === prefix[i]));
  return isEmbedding ? [address, new ipaddr.IPv4(bytes.slice(12))] : [address];
}

const EMBEDDING_PREFIXES: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
  [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0],
];

function cleared(bytes: readonly number[], length: number): number[] {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - i * 8))) & 0xff);
}
