import pino from 'pino';
import { portsOf } from '../../api/service-ports.ts';
import { systemClock } from '../../lib/clock.ts';
import type { LeaseSpec } from '../../lib/lease.ts';
import { ActivePassive, type ActivePassiveOptions } from '../../proxy/redundancy/active-passive.ts';
import type { ActiveSlice } from '../../proxy/redundancy/active-slice.ts';
import type { NamedObject, NamedObjects } from '../../proxy/redundancy/api-server.ts';
import type { PeerAnswer } from '../../proxy/redundancy/peer.ts';

const LEASE = '/apis/coordination.k8s.io/v1/namespaces/lb/leases/lb-active';
const SLICE = '/apis/discovery.k8s.io/v1/namespaces/lb/endpointslices/lb-active';

export interface MemoryView extends NamedObjects {
  /** There is no way to the objects. */
  cut: boolean;
  /** So many of the next writes get no answer. */
  lost: number;
}

/** Two objects in memory, with the API server's rule for versions. */
export class MemoryObjects {
  readonly #objects = new Map<string, NamedObject>();
  #version = 1;

  constructor() {
    const empty = { metadata: { name: 'lb-active', resourceVersion: '1' } };
    this.#objects.set(LEASE, empty);
    this.#objects.set(SLICE, { ...empty, addressType: 'IPv4' } as ActiveSlice);
  }

  get lease(): LeaseSpec {
    return (this.#objects.get(LEASE) as { spec?: LeaseSpec }).spec ?? {};
  }

  /** Name of the proxy that stands in the slice. */
  get target(): string | undefined {
    const { endpoints } = this.#objects.get(SLICE) as ActiveSlice;
    return (endpoints as { targetRef: { name: string } }[] | undefined)?.[0]?.targetRef.name;
  }

  get ports(): unknown[] {
    return [...((this.#objects.get(SLICE) as ActiveSlice).ports ?? [])];
  }

  /** How one proxy sees them; `cut` takes its way to them away. */
  view(): MemoryView {
    const store = this.#objects;
    const next = (): string => String((this.#version += 1));
    return {
      cut: false,
      lost: 0,
      async get<T extends NamedObject>(path: string) {
        if (this.cut) throw new Error('no way to the API server');
        return structuredClone(store.get(path)) as T;
      },
      async put<T extends NamedObject>(path: string, object: T) {
        if (this.cut) throw new Error('no way to the API server');
        if (this.lost > 0) {
          this.lost -= 1;
          throw new Error('no answer in time');
        }
        if (store.get(path)?.metadata.resourceVersion !== object.metadata.resourceVersion) return undefined;
        const written = { ...object, metadata: { ...object.metadata, resourceVersion: next() } };
        store.set(path, structuredClone(written));
        return written;
      },
      close: () => undefined,
    };
  }
}

/** One of several proxies, as far as the choice among them goes. */
export interface StandBy {
  readonly redundancy: ActivePassive;
  readonly objects: MemoryView;
  ready: boolean;
  listeners: { protocol: 'HTTP'; port: number }[];
}

/** What a peer answers, by the address of its probes; `alive` unless told. */
export type Peers = Map<string, PeerAnswer>;

export function standBy(
  name: string,
  objects: StandBy['objects'],
  peers: Peers,
  options: Partial<ActivePassiveOptions> = {},
): StandBy {
  const made = { objects, ready: true, listeners: [{ protocol: 'HTTP' as const, port: 80 }] };
  const redundancy = new ActivePassive({
    objects,
    name,
    namespace: 'lb',
    objectName: 'lb-active',
    addresses: [`10.0.0.${name.charCodeAt(0)}`],
    probePort: 9903,
    askPeer: async (address) => peers.get(address) ?? 'alive',
    ready: () => made.ready,
    ports: () => portsOf(made.listeners),
    clock: systemClock,
    log: pino({ level: process.env['TEST_LOG'] ?? 'silent' }),
    timing: { roundMs: 20, leaseMs: 400, peerMs: 10, peerTimeoutMs: 10, peerSilences: 3 },
    ...options,
  });
  redundancy.start();
  return Object.assign(made, { redundancy });
}

export const probesOf = (name: string): string => `10.0.0.${name.charCodeAt(0)}:9903`;
