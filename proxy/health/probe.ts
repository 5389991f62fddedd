import type { VerdictReason } from '../../api/health.ts';
import { digestOf } from '../../api/digest.ts';
import type { ActiveCheck, BackendTLS, ProbeConfig } from '../../api/snapshot.ts';
import { ClientContext } from '../tls/client-context.ts';

/** What a probe can find wrong. */
export type ProbeFailure = Extract<
  VerdictReason,
  | 'ConnectRefused'
  | 'ConnectTimeout'
  | 'ConnectFailed'
  | 'Timeout'
  | 'UnexpectedStatus'
  | 'UnexpectedBody'
  | 'UnexpectedReply'
  | 'ProtocolError'
  | 'TLSFailed'
>;

export type ProbeResult =
  | { readonly kind: 'pass' }
  /** `message`: one line for a person; never what an unexpected answer contained. */
  | { readonly kind: 'fail'; readonly reason: ProbeFailure; readonly message: string }
  /** Something on our side went wrong (no descriptors, a stalled thread): says nothing about the endpoint. */
  | { readonly kind: 'unknown'; readonly message: string };

export const PASS: ProbeResult = { kind: 'pass' };

export function fail(reason: ProbeFailure, message: string): ProbeResult {
  return { kind: 'fail', reason, message };
}

/** What to ask and how often: equal for every endpoint of a backend; `key` is equal when all of it is. */
export interface ProbeSpec {
  readonly key: string;
  readonly probe: ProbeConfig;
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly unhealthyIntervalMs: number;
  /** Begin with a PROXY protocol header that names nobody. */
  readonly proxyOut?: 'V1' | 'V2';
  /** Speak TLS; part of `key` by its digest. */
  readonly tls?: ClientContext;
  /** Told to a custom prober; other probes do not know whom they serve, so that pools can share them. */
  readonly asks?: ProbeOwner;
}

export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  readonly spec: ProbeSpec;
}

/**
 * Probes once. `done` is called exactly once, never synchronously, at most `timeoutMs` after the call (or as soon as
 * the thread runs again); the function returned ends the probe without calling it.
 */
export type RunProbe = (target: ProbeTarget, done: (result: ProbeResult) => void) => () => void;

export interface ProbeOwner {
  /** `namespace/name`. */
  readonly pool: string;
  readonly backend: string;
}

export function probeSpec(
  check: Pick<ActiveCheck, 'probe' | 'timeoutMs' | 'intervalMs' | 'unhealthyIntervalMs' | 'proxyProtocol'>,
  owner: ProbeOwner,
  tls?: BackendTLS,
): ProbeSpec {
  const { probe, timeoutMs, intervalMs, unhealthyIntervalMs, proxyProtocol } = check;
  const asked = {
    probe,
    timeoutMs,
    intervalMs,
    unhealthyIntervalMs,
    ...(proxyProtocol !== undefined && { proxyOut: proxyProtocol }),
    ...(probe.type === 'Custom' && { asks: owner }),
  };
  if (tls === undefined || probe.type === 'UDP' || probe.type === 'Custom')
    return { key: JSON.stringify(asked), ...asked };
  return { key: JSON.stringify([asked, digestOf(tls)]), ...asked, tls: new ClientContext(tls) };
}
