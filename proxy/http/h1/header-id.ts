/**
 * Headers that mean something to the proxy, as small numbers; every other one is 0. A Connection header cannot take
 * them away, and they are no trailers.
 */
export const HeaderId = {
  Other: 0,
  Host: 1,
  ContentLength: 2,
  TransferEncoding: 3,
  Connection: 4,
  Expect: 5,
  Upgrade: 6,
  KeepAlive: 7,
  ProxyConnection: 8,
  Te: 9,
  Trailer: 10,
  ProxyAuthorization: 11,
  ProxyAuthenticate: 12,
  Proxy: 13,
  Http2Settings: 14,
  // From here to Forwarded: where a request comes from.
  XForwardedFor: 15,
  XForwardedProto: 16,
  XForwardedHost: 17,
  XForwardedPort: 18,
  XForwardedPrefix: 19,
  XRealIp: 20,
  Forwarded: 21,
  Via: 22,
  XRequestId: 23,
  Cookie: 24,
  SetCookie: 25,
  Authorization: 26,
  Traceparent: 27,
  Date: 28,
  ClientCert: 29,
  ClientCertChain: 30,
} as const;

export type HeaderId = (typeof HeaderId)[keyof typeof HeaderId];

/** Lower-case names by id: `XForwardedFor` is `x-forwarded-for`. */
const NAMES: readonly string[] = Object.keys(HeaderId).map((key) =>
  key.replace(/(?<=.)[A-Z]/g, '-$&').toLowerCase(),
);
const BYTES: readonly Uint8Array[] = NAMES.map((name) => Buffer.from(name));
const BY_HASH: Uint8Array = buildHashTable();

/** Tells all names above apart, by length and the last two bytes. */
function hash(length: number, beforeLast: number, last: number): number {
  return (length + (beforeLast | 0x20) + (last | 0x20) * 7) & 0xff;
}

function buildHashTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (let id = 1; id < NAMES.length; id++) {
    const bytes = BYTES[id]!;
    const slot = hash(bytes.length, bytes.at(-2)!, bytes.at(-1)!);
    if (table[slot] !== 0) throw new Error(`header names collide: ${NAMES[id]} and ${NAMES[table[slot]!]}`);
    table[slot] = id;
  }
  return table;
}

/** The id of the name in `buffer[start, end)`, in any case. The name is a token. */
export function headerIdOf(buffer: Uint8Array, start: number, end: number): number {
  const id = BY_HASH[hash(end - start, buffer[end - 2]!, buffer[end - 1]!)]!;
  return id !== 0 && equalsName(buffer, start, end, BYTES[id]!) ? id : 0;
}

/** `name` is lower case; the bytes may be in any case, and are token characters. */
export function equalsName(buffer: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) {
    const byte = buffer[start + i]!;
    if (byte !== name[i] && (byte < 0x41 || byte > 0x5a || (byte | 0x20) !== name[i])) return false;
  }
  return true;
}
