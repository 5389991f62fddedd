import { isIPv6 } from 'node:net';
import { MAX_HOSTNAME_BYTES } from './h1/limits.ts';

const REG_NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const PORT = /^[1-9][0-9]{0,4}$/;

/**
 * The hostname of `host` or `host:port` (a Host header, or the authority of a target): lower case, without port and
 * trailing dot, IPv6 in brackets. Undefined for what is not one: user information, lists, empty labels, ports out of
 * range, characters outside letters, digits, `-`, `_` and `.`. Stricter than RFC 3986, as what follows it (routes,
 * certificates, logs) is.
 */
export function parseAuthority(authority: string): string | undefined {
  const text = authority.toLowerCase();
  let host = text;
  const colon = text.lastIndexOf(':');
  if (colon > text.lastIndexOf(']')) {
    const port = text.slice(colon + 1);
    if (!PORT.test(port) || Number(port) > 65_535) return undefined;
    host = text.slice(0, colon);
  }
  if (host.startsWith('[')) return host.endsWith(']') && isPlainIPv6(host.slice(1, -1)) ? host : undefined;
  if (host.endsWith('.')) host = host.slice(0, -1);
  return host.length <= MAX_HOSTNAME_BYTES && REG_NAME.test(host) ? host : undefined;
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}
