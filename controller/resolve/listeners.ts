import { addressRange, canonicalAddress } from '../../api/address.ts';
import type { AccessRules, ListenerSpec } from '../../api/pool.gen.ts';
import type { ClientIP, Listener, ListenerTLS, Route } from '../../api/snapshot.ts';
import { UNION_DEFAULTS } from '../../api/union-defaults.gen.ts';
import { durationMs, quantityBytes } from './units.ts';

/** A listener with its units normalised. The spec has passed validation. */
export function resolveListener(spec: ListenerSpec, tls?: ListenerTLS): Listener {
  const { name, protocol, port, address, hostnames = [], limits, timeouts, proxyProtocol } = spec;
  return {
    name,
    protocol,
    port,
    ...(address === undefined ? {} : { address: canonicalAddress(address) ?? address }),
    hostnames: hostnames.toSorted(),
    ...(tls === undefined ? {} : { tls }),
    ...(proxyProtocol === undefined
      ? {}
      : {
          proxyProtocol: {
            mode: proxyProtocol.mode,
            trustedCIDRs: canonicalRanges(proxyProtocol.trustedCIDRs),
          },
        }),
    clientIP: resolveClientIP(spec),
    limits: {
      ...(limits.maxConnections === undefined ? {} : { maxConnections: limits.maxConnections }),
      ...(limits.maxRequestBody === undefined
        ? {}
        : { maxRequestBodyBytes: quantityBytes(limits.maxRequestBody) }),
      bodyMatchBytes: limits.bodyMatchBytes,
    },
    timeouts: {
      requestHeaderMs: durationMs(timeouts.requestHeader),
      tlsHandshakeMs: durationMs(timeouts.tlsHandshake),
      bodyMatchMs: durationMs(timeouts.bodyMatch),
      idleMs: durationMs(timeouts.idle),
    },
    accessRules: resolveAccessRules(spec.accessRules),
    ...(protocol === 'UDP' ? { udp: resolveUdp(spec) } : {}),
  };
}

export function resolveAccessRules(rules: AccessRules = {}): NonNullable<Route['accessRules']> {
  return {
    allowCIDRs: canonicalRanges(rules.allowCIDRs),
    denyCIDRs: canonicalRanges(rules.denyCIDRs),
  };
}

/** Sorted, each once, host bits cleared. */
export function canonicalRanges(cidrs: readonly string[] = []): string[] {
  return [...new Set(cidrs.map((cidr) => addressRange(cidr)?.text ?? cidr))].toSorted();
}

function resolveClientIP({ clientIP }: ListenerSpec): ClientIP {
  const { source, trustedHops, trustedCIDRs } = clientIP;
  if (source === 'Connection' || trustedHops === undefined) return { source: 'Connection' };
  return { source, trustedHops, trustedCIDRs: canonicalRanges(trustedCIDRs) };
}

function resolveUdp({ udp = UNION_DEFAULTS.UDPSessions }: ListenerSpec): NonNullable<Listener['udp']> {
  const { sessionIdleTimeout, maxSessions, sessionKey, maxAmplification } = udp;
  return {
    sessionIdleTimeoutMs: durationMs(sessionIdleTimeout),
    maxSessions,
    sessionKey,
    ...(maxAmplification === undefined ? {} : { maxAmplification }),
  };
}
