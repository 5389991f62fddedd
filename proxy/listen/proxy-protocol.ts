/**
 * The PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt): a header at the
 * very start of a connection that says whose connection it is.
 */
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { crc32c } from './crc32c.ts';

/** One end of a connection; the address in canonical text form. */
export interface Party {
  readonly address: string;
  readonly port: number;
}

export interface Parties {
  readonly source: Party;
  readonly destination: Party;
}

export type ProxyHeader =
  /** What is there may be the beginning of a header. */
  | { readonly kind: 'incomplete' }
  /** There is none. */
  | { readonly kind: 'absent' }
  /** It begins like one and is none: the connection is to be closed. */
  | { readonly kind: 'invalid'; readonly reason: string }
  /** It takes `length` bytes. Without parties (LOCAL, UNKNOWN, not TCP) the connection speaks for itself. */
  | { readonly kind: 'header'; readonly length: number; readonly parties: Parties | undefined };

/** Both families fit on a line of this length, CRLF included. */
const MAX_V1_BYTES = 107;
/** Longer than any header in use; the format would allow 65,551. */
export const MAX_V2_BYTES = 4_096;
const V2_HEAD_BYTES = 16;

const V1_START = Buffer.from('PROXY ', 'latin1');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const ABSENT: ProxyHeader = { kind: 'absent' };

/** @param bytes all that has come on the connection so far */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsAlike(bytes, V2_SIGNATURE)) return parseV2(bytes);
  if (startsAlike(bytes, V1_START)) return parseV1(bytes);
  return ABSENT;
}

/** @param parties undefined: the connection is the proxy's own, or of an unknown kind */
export function formatProxyHeader(version: 'V1' | 'V2', parties: Parties | undefined): Buffer {
  const isV4 = parties !== undefined && isIPv4(parties.source.address) && isIPv4(parties.destination.address);
  const isV6 = parties !== undefined && isIPv6(parties.source.address) && isIPv6(parties.destination.address);
  if (parties === undefined || !(isV4 || isV6)) return version === 'V1' ? V1_UNKNOWN : V2_LOCAL;
  const { source, destination } = parties;
  if (version === 'V1') {
    const family = isV4 ? 'TCP4' : 'TCP6';
    const line = `PROXY ${family} ${source.address} ${destination.address} ${source.port} ${destination.port}\r\n`;
    return Buffer.from(line, 'latin1');
  }
  const ports = Buffer.allocUnsafe(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const block = Buffer.concat([addressBytes(source.address), addressBytes(destination.address), ports]);
  return Buffer.concat([V2_SIGNATURE, Buffer.from([0x21, isV4 ? 0x11 : 0x21, 0, block.length]), block]);
}

const V1_UNKNOWN = Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
const V2_LOCAL = Buffer.concat([V2_SIGNATURE, Buffer.from([0x20, 0, 0, 0])]);

/** Is one the beginning of the other? */
function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function invalid(reason: string): ProxyHeader {
  return { kind: 'invalid', reason };
}

// ---- version 1 ----

const NUMBER = '(0|[1-9][0-9]{0,4})';
const V1_LINE = new RegExp(`^PROXY (TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) ${NUMBER} ${NUMBER}$`);

function parseV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, MAX_V1_BYTES).indexOf('\n');
  if (end === -1) return bytes.length < MAX_V1_BYTES ? INCOMPLETE : invalid('line too long');
  if (bytes[end - 1] !== 0x0d) return invalid('line does not end with CRLF');
  const line = bytes.toString('latin1', 0, end - 1);
  const length = end + 1;
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN ')) {
    return { kind: 'header', length, parties: undefined };
  }
  const match = V1_LINE.exec(line);
  if (match === null) return invalid('malformed line');
  const [, family, source, destination, sourcePort, destinationPort] = match;
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6;
  const ports = [Number(sourcePort), Number(destinationPort)] as const;
  if (!isAddress(source!) || !isAddress(destination!)) return invalid(`not ${family} addresses`);
  if (ports[0] > 65_535 || ports[1] > 65_535) return invalid('port out of range');
  return {
    kind: 'header',
    length,
    parties: {
      source: { address: canonical(source!), port: ports[0] },
      destination: { address: canonical(destination!), port: ports[1] },
    },
  };
}

// ---- version 2 ----

const LOCAL = 0;
const PROXY = 1;
/** Bytes of the address block by address family: unspecified, IPv4, IPv6, Unix. */
const BLOCK_BYTES = [0, 12, 36, 216];
const MAX_TRANSPORT = 2;
const TCP4 = 0x11;
const TCP6 = 0x21;
const TLV_CRC32C = 0x03;

function parseV2(bytes: Buffer): ProxyHeader {
  const command = bytes[12];
  if (command === undefined) return INCOMPLETE;
  if (command >> 4 !== 2) return invalid('version is not 2');
  if ((command & 15) > PROXY) return invalid('unknown command');
  const kind = bytes[13];
  if (kind === undefined) return INCOMPLETE;
  const blockBytes = BLOCK_BYTES[kind >> 4];
  if (blockBytes === undefined || (kind & 15) > MAX_TRANSPORT) return invalid('unknown family or transport');
  if (bytes.length < V2_HEAD_BYTES) return INCOMPLETE;
  const length = V2_HEAD_BYTES + bytes.readUInt16BE(14);
  if (length > MAX_V2_BYTES) return invalid('header too long');
  const isLocal = (command & 15) === LOCAL;
  if (!isLocal && length < V2_HEAD_BYTES + blockBytes) return invalid('addresses cut short');
  if (bytes.length < length) return INCOMPLETE;
  const header = bytes.subarray(0, length);
  if (isLocal) return { kind: 'header', length, parties: undefined };
  const reason = wrongWithTlvs(header, V2_HEAD_BYTES + blockBytes);
  if (reason !== undefined) return invalid(reason);
  return { kind: 'header', length, parties: partiesOf(header, kind) };
}

function partiesOf(header: Buffer, kind: number): Parties | undefined {
  if (kind !== TCP4 && kind !== TCP6) return undefined;
  const size = kind === TCP4 ? 4 : 16;
  const at = V2_HEAD_BYTES;
  const address = (from: number): string =>
    canonical(ipaddr.fromByteArray([...header.subarray(from, from + size)]).toString());
  return {
    source: { address: address(at), port: header.readUInt16BE(at + 2 * size) },
    destination: { address: address(at + size), port: header.readUInt16BE(at + 2 * size + 2) },
  };
}

/** Additional fields are skipped; they must fit, and a checksum among them must be right. */
function wrongWithTlvs(header: Buffer, start: number): string | undefined {
  for (let at = start; at < header.length;) {
    if (at + 3 > header.length) return 'stray bytes behind the fields';
    const length = header.readUInt16BE(at + 1);
    const value = at + 3;
    if (value + length > header.length) return 'field past the end';
    if (header[at] === TLV_CRC32C) {
      if (length !== 4) return 'checksum is not 4 bytes';
      const unsigned = Buffer.from(header);
      unsigned.fill(0, value, value + 4);
      if (crc32c(unsigned) !== header.readUInt32BE(value)) return 'wrong checksum';
    }
    at = value + length;
  }
  return undefined;
}

// ---- addresses ----

/** An IPv4-mapped address is its IPv4 address. */
function canonical(address: string): string {
  return ipaddr.process(address).toString();
}

function addressBytes(address: string): Buffer {
  return Buffer.from(ipaddr.parse(address).toByteArray());
}
