import type { ActiveCheckSpec, FailOpenSpec, PassiveSpec, PoolSpec } from '../../api/pool.gen.ts';
import type { ActiveCheck, Backend, FailOpen, PassiveHealth, ProbeConfig } from '../../api/snapshot.ts';
import { UNION_DEFAULTS } from '../../api/union-defaults.gen.ts';
import { durationMs } from './units.ts';

/** Checks that connect to what they check; on the serving port they begin as its traffic does. */
const INTRODUCED: ReadonlySet<string> = new Set(['TCP', 'HTTP', 'GRPC']);

/** The checks of a pool with their units normalised. The spec has passed validation. */
export function resolveActiveCheck(
  spec: ActiveCheckSpec,
  appProtocol: Backend['appProtocol'],
  backendProxyProtocol: PoolSpec['backendProxyProtocol'],
): ActiveCheck {
  const isIntroduced = spec.port === undefined && INTRODUCED.has(spec.type);
  // What a port of its own speaks nobody has said.
  const isHttp2 = spec.port === undefined && spec.type === 'HTTP' && appProtocol === 'h2c';
  return {
    intervalMs: durationMs(spec.interval),
    unhealthyIntervalMs: durationMs(spec.unhealthyInterval),
    timeoutMs: durationMs(spec.timeout),
    healthyThreshold: spec.healthyThreshold,
    unhealthyThreshold: spec.unhealthyThreshold,
    initialState: spec.initialState,
    ...(spec.port === undefined ? {} : { port: spec.port }),
    ...(isIntroduced && backendProxyProtocol !== undefined ? { proxyProtocol: backendProxyProtocol } : {}),
    probe: { ...resolveProbe(spec), ...(isHttp2 ? { version: 'HTTP/2' } : {}) },
  };
}

function resolveProbe({ type, http, tcp, udp, grpc, custom }: ActiveCheckSpec): ProbeConfig {
  switch (type) {
    case 'TCP':
      return { type, ...tcp };
    case 'UDP':
      return { type, send: '', ...udp };
    case 'GRPC':
      return { type, ...(grpc ?? UNION_DEFAULTS.GRPCCheck) };
    case 'Custom':
      return { type, url: custom?.url ?? '' };
    case 'HTTP': {
      const { headers = [], ...rest } = http ?? UNION_DEFAULTS.HTTPCheck;
      return { type, headers: headers.toSorted((a, b) => (a.name < b.name ? -1 : 1)), ...rest };
    }
  }
}

export function resolvePassive(spec: PassiveSpec): PassiveHealth {
  const { mode, consecutiveFailures, baseEjection, maxEjection, maxEjectionPercent } = spec;
  if (mode === 'Disabled') return { mode };
  return {
    mode,
    consecutiveFailures,
    baseEjectionMs: durationMs(baseEjection),
    maxEjectionMs: durationMs(maxEjection),
    maxEjectionPercent,
  };
}

export function resolveFailOpen({ mode, belowPercent }: FailOpenSpec): FailOpen {
  if (mode !== 'BelowPercent') return { mode };
  return { mode, percent: belowPercent?.percent ?? 0 };
}
