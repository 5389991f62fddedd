import type { Listener } from './snapshot.ts';

/** A port of the Service through which clients come in, and of the slice that says who is behind it. */
export interface ServicePort {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
  readonly targetPort: number;
}

const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** The ports that listeners need, each once, in order; a listener on one address of a proxy is not for the Service. */
export function portsOf(
  listeners: Iterable<Pick<Listener, 'protocol' | 'port' | 'address'>>,
): readonly ServicePort[] {
  const ports = new Map<string, ServicePort>();
  for (const { protocol: spoken, port, address } of listeners) {
    if (address !== undefined && !EVERY_ADDRESS.has(address)) continue;
    const protocol = spoken === 'UDP' ? 'UDP' : 'TCP';
    const name = `${protocol.toLowerCase()}-${port}`;
    ports.set(name, { name, protocol, port, targetPort: port });
  }
  return [...ports.values()].toSorted((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
}
