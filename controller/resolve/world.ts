import type { DeniedAddresses } from './denied-addresses.ts';

/**
 * What a pool's references are looked up in. Objects have the API's shapes, trimmed to what is read here, and never
 * change: a new version is a new object.
 */
export interface World {
  /** Undefined: there is none. */
  service(namespace: string, name: string): Service | undefined;
  /** The slices of a Service, in any order. */
  endpointSlices(namespace: string, service: string): readonly EndpointSlice[];
  /** Asked for only when the pool takes weights from pods. */
  podAnnotation(namespace: string, pod: string, annotation: string): string | undefined;
  /** Undefined: there is none. */
  secret(namespace: string, name: string): Secret | Unread | undefined;
  configMap(namespace: string, name: string): ConfigMap | Unread | undefined;
  /** Secrets and ConfigMaps are not looked at, and TLS is no part of what is resolved. */
  readonly withoutTls?: true;
  /** What the keys of TLS session tickets are derived from. */
  readonly ticketSecret?: string;
  /** Addresses that no backend may have. */
  readonly denied: DeniedAddresses;
  /** Milliseconds since the epoch: overrides expire. */
  readonly now: number;
}

/** The namespace's objects of a kind may not be read, or the API server fails to show them. */
export type Unread = 'denied' | 'unreadable';

export interface Service {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly type?: string;
    readonly ports?: readonly ServicePort[];
    readonly publishNotReadyAddresses?: boolean;
    readonly ipFamilies?: readonly string[];
  };
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly targetPort?: number | string;
  readonly appProtocol?: string;
}

export interface Secret {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly type?: string;
  /** In base64. */
  readonly data: Readonly<Record<string, string>>;
}

export interface ConfigMap {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly data: Readonly<Record<string, string>>;
}

export interface EndpointSlice {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly addressType: string;
  readonly ports?: readonly SlicePort[] | null;
  readonly endpoints?: readonly SliceEndpoint[] | null;
}

export interface SlicePort {
  readonly name?: string | null;
  readonly port?: number | null;
  readonly protocol?: string | null;
  readonly appProtocol?: string | null;
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: {
    readonly ready?: boolean | null;
    readonly serving?: boolean | null;
    readonly terminating?: boolean | null;
  };
  readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
  readonly nodeName?: string | null;
  readonly zone?: string | null;
}
