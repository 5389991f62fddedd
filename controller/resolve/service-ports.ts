import type { ResolvedRefsReason } from '../../api/conditions.ts';
import type { BackendUse } from './backend-uses.ts';
import type { Service, ServicePort } from './world.ts';

export type PortLookup =
  | { readonly ok: true; readonly port: ServicePort }
  | { readonly ok: false; readonly reason: ResolvedRefsReason; readonly message: string };

/**
 * The port of a Service that a backend means, by name or by number. Slices carry the Service's port name whatever its
 * targetPort is called, so the name is what leads on to them.
 *
 * A number may stand for a TCP and a UDP port at once; a backend behind listeners of both kinds gets either only when
 * both lead to the same target.
 */
export function findServicePort(service: Service, wanted: string | number, use: BackendUse): PortLookup {
  const ports = service.spec.ports ?? [];
  const { name } = service.metadata;
  const named = ports.filter((port) => (typeof wanted === 'number' ? port.port : port.name) === wanted);
  if (named.length === 0) {
    const known = ports.map((port) => `${port.name ?? 'unnamed'} (${port.port})`).join(', ');
    const message = `Service ${name} has no port ${wanted}; there are ${known === '' ? 'none' : known}`;
    return { ok: false, reason: 'PortNotFound', message };
  }

  const needed = [...(use.stream ? ['TCP'] : []), ...(use.udp ? ['UDP'] : [])];
  const usable = needed.map((protocol) => named.find((port) => (port.protocol ?? 'TCP') === protocol));
  const missing = usable.indexOf(undefined);
  if (missing >= 0) {
    const message = `port ${wanted} of Service ${name} is ${named[0]!.protocol ?? 'TCP'}, but a listener that leads here needs ${needed[missing]}`;
    return { ok: false, reason: 'ProtocolMismatch', message };
  }

  const [first = named[0]!, second] = usable.filter((port) => port !== undefined);
  if (second !== undefined && target(first) !== target(second)) {
    const message = `port ${wanted} of Service ${name} leads to ${target(first)} for TCP and to ${target(second)} for UDP: use a backend for each`;
    return { ok: false, reason: 'AmbiguousPort', message };
  }
  return { ok: true, port: first };
}

function target({ targetPort, port }: ServicePort): string {
  return String(targetPort ?? port);
}
