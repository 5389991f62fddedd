import type { PoolAddress } from '../../api/pool.gen.ts';
import type { Listener } from '../../api/snapshot.ts';
import type { KubeObject } from '../kube/objects.ts';

/** A port of the Service through which clients come in. */
export interface ServicePort {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
  readonly targetPort: number;
}

/** What is read of that Service. */
export interface FrontendService extends KubeObject {
  readonly spec: {
    readonly clusterIPs?: readonly string[];
    readonly externalIPs?: readonly string[];
    readonly type?: string;
    readonly ports?: readonly { readonly name?: string; readonly protocol?: string; readonly port: number }[];
  };
  readonly status?: {
    readonly loadBalancer?: {
      readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
    };
  };
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

/** Without those that the Service has under another name: the chart's own, and what a person added. */
export function freePorts(
  wanted: readonly ServicePort[],
  { spec }: Pick<FrontendService, 'spec'>,
): readonly ServicePort[] {
  return wanted.filter(
    ({ name, protocol, port }) =>
      !(spec.ports ?? []).some(
        (present) =>
          present.port === port && (present.protocol ?? 'TCP') === protocol && present.name !== name,
      ),
  );
}

export function hasPorts({ spec }: Pick<FrontendService, 'spec'>, wanted: readonly ServicePort[]): boolean {
  return wanted.every(({ name, protocol, port }) =>
    spec.ports?.some(
      (present) => present.name === name && present.port === port && (present.protocol ?? 'TCP') === protocol,
    ),
  );
}

/**
 * Where clients find the Service: what its load balancer says and external addresses; of a Service that has no load
 * balancer also its cluster addresses.
 */
export function addressesOf({ spec, status }: Pick<FrontendService, 'spec' | 'status'>): PoolAddress[] {
  const ip = (value: string): PoolAddress => ({ type: 'IPAddress', value });
  const ingress = (status?.loadBalancer?.ingress ?? []).flatMap((entry): PoolAddress[] => {
    if (entry.ip !== undefined) return [ip(entry.ip)];
    return entry.hostname === undefined ? [] : [{ type: 'Hostname', value: entry.hostname }];
  });
  const inside =
    spec.type === 'LoadBalancer' ? [] : (spec.clusterIPs ?? []).filter((each) => each !== 'None');
  const all = [...ingress, ...(spec.externalIPs ?? []).map(ip), ...inside.map(ip)];
  return all.filter(({ value }, at) => all.findIndex((other) => other.value === value) === at).slice(0, 16);
}
