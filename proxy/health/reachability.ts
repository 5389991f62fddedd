import type { ActiveCheck, Endpoint, PoolConfig } from '../../api/snapshot.ts';
import { probeSpec, type ProbeSpec } from './probe.ts';

/**
 * A refused connection takes an endpoint out until a connection comes about again. What proves that is the active
 * check if it connects to the serving port over the same transport, else a probe of our own, which every endpoint
 * can be asked: a bare TCP connect, or for UDP an empty datagram that no ICMP port unreachable answers.
 */
const OWN = { intervalMs: 1000, unhealthyIntervalMs: 1000 };
const NOBODY = { pool: '', backend: '' };

export const TCP_REACHABLE: ProbeSpec = probeSpec(
  { ...OWN, timeoutMs: 1000, probe: { type: 'TCP' } },
  NOBODY,
);
export const UDP_REACHABLE: ProbeSpec = probeSpec(
  { ...OWN, timeoutMs: 250, probe: { type: 'UDP', send: '' } },
  NOBODY,
);

/** The probe of our own that fits how the backend is used: UDP when only UDP listeners lead to it. */
export function reachabilityProbe(config: PoolConfig, backend: string): ProbeSpec {
  const leads = (listener: PoolConfig['listeners'][number]): boolean =>
    config.defaultBackendRefs.some((ref) => ref.name === backend) ||
    config.routes.some(
      (route) =>
        route.backendRefs.some((ref) => ref.name === backend) &&
        (route.listeners.length === 0
          ? listener.protocol === 'HTTP' || listener.protocol === 'HTTPS'
          : route.listeners.includes(listener.name)),
    );
  const leading = config.listeners.filter(leads);
  return leading.length > 0 && leading.every((listener) => listener.protocol === 'UDP')
    ? UDP_REACHABLE
    : TCP_REACHABLE;
}

/** Whether a pass of the check proves that the endpoint's serving port can be reached over that transport. */
export function provesReachable(check: ActiveCheck, endpoint: Endpoint, own: ProbeSpec): boolean {
  if (check.port !== undefined && check.port !== endpoint.port) return false;
  if (check.probe.type === 'Custom') return false;
  return (check.probe.type === 'UDP') === (own.probe.type === 'UDP');
}
