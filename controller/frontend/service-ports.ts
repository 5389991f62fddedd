import type { PoolAddress } from '../../api/pool.gen.ts';
import type { ServicePort } from '../../api/service-ports.ts';
import type { KubeObject } from '../kube/objects.ts';

/** What is read of the Service through which clients come in. */
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
