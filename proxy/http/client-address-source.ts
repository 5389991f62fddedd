import ipaddr from 'ipaddr.js';
import type { ClientIP } from '../../api/snapshot.ts';
import { type CidrSet, compileCidrSet, parseAddress } from '../net/cidr-set.ts';

/** `clientIP` of a listener, ready for use. */
export interface ClientAddressSource {
  /** Peers whose word about the client counts: in X-Forwarded-For and every other header that names an origin. */
  readonly trusted: CidrSet;
  /** The client is this entry of X-Forwarded-For, counted from the right. */
  readonly hops: number;
}

const NOBODY: ClientAddressSource = { trusted: compileCidrSet([]), hops: 1 };

export function compileClientAddressSource(config: ClientIP): ClientAddressSource {
  if (config.source === 'Connection') return NOBODY;
  return { trusted: compileCidrSet(config.trustedCIDRs), hops: config.trustedHops };
}

/** Is what this peer says about the client believed? */
export function isTrustedPeer(source: ClientAddressSource, peer: string): boolean {
  if (source.trusted.empty) return false;
  const address = parseAddress(peer);
  return address !== undefined && source.trusted.has(address);
}

/**
 * The client of a request that a trusted peer sent, in canonical text form. The peer itself when X-Forwarded-For is
 * absent, shorter than it would be had it come through all the proxies, or holds no address at that place.
 */
export function clientAddressOf(forwardedFor: string | undefined, hops: number, peer: string): string {
  const entry = forwardedFor?.split(',').at(-hops)?.trim();
  return (entry !== undefined && canonicalAddress(withoutPort(entry))) || peer;
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(entry: string): string {
  return (
    /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/
      .exec(entry)
      ?.slice(1)
      .find((address) => address) ?? entry
  );
}

/** Zones (`fe80::1%eth0`) mean nothing to others. */
function canonicalAddress(text: string): string | undefined {
  if (text.includes('%') || parseAddress(text) === undefined) return undefined;
  const address = ipaddr.process(text);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}
