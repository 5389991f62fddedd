import type { Applied } from './cluster.ts';

/** Objects of the API, as a user would write them; a test names what it is about. */

export function poolObject(name: string, className: string, spec: object = {}): Applied {
  return {
    apiVersion: 'evenkeel.dev/v1alpha1',
    kind: 'LoadBalancerPool',
    metadata: { name },
    spec: {
      className,
      listeners: [{ name: 'web', protocol: 'HTTP', port: 8080 }],
      backends: [{ name: 'v1', type: 'Service', service: { name, port: 'http' } }],
      defaultBackendRefs: [{ name: 'v1' }],
      ...spec,
    },
  };
}

export function serviceObject(name: string, spec: object = {}): Applied {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  };
}

export interface SliceOptions {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly ready?: boolean;
}

export function sliceObject(
  name: string,
  service: string,
  { addresses, port, ready = true }: SliceOptions,
): Applied {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints: addresses.map((address, i) => ({
      addresses: [address],
      conditions: { ready, serving: ready, terminating: false },
      targetRef: { kind: 'Pod', name: `${name}-${i}`, uid: `uid-${name}-${address.replaceAll('.', '-')}` },
      zone: 'a',
    })),
  };
}
