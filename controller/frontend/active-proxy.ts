import type { Logger } from 'pino';
import type { RedundancyStatus } from '../../api/pool.gen.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { ListWatch, type ListWatchTiming } from '../kube/list-watch.ts';
import { LEASES, resourcePath, type KubeObject } from '../kube/objects.ts';

export interface ActiveProxyOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** The Lease that proxies hold among themselves. */
  readonly lease: string;
  /** Another proxy is active, or none. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly timing?: Partial<ListWatchTiming>;
}

interface ProxyLease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly acquireTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** Which proxy takes the traffic, where one of several does: as the proxies have decided it, to be shown. */
export class ActiveProxy {
  readonly #watch: ListWatch<ProxyLease>;
  readonly #onChange: () => void;
  #status: RedundancyStatus = { mode: 'ActivePassive' };

  constructor({ client, namespace, lease, onChange, ...options }: ActiveProxyOptions) {
    this.#onChange = onChange;
    const seen = (found: ProxyLease | undefined): void => this.#observe(found);
    this.#watch = new ListWatch<ProxyLease>({
      ...options,
      client,
      path: resourcePath(LEASES, namespace),
      fieldSelector: `metadata.name=${lease}`,
      trim: (object) => object,
      sink: { replace: ([found]) => seen(found), put: seen, remove: () => seen(undefined) },
    });
  }

  get status(): RedundancyStatus {
    return this.#status;
  }

  start(): void {
    this.#watch.start();
  }

  stop(): Promise<void> {
    return this.#watch.stop();
  }

  /** Renewals, of which there are several a second, change nothing. */
  #observe(lease: ProxyLease | undefined): void {
    const status = redundancyOf(lease);
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = status;
    this.#onChange();
  }
}

function redundancyOf(lease: ProxyLease | undefined): RedundancyStatus {
  const { holderIdentity = '', acquireTime, leaseTransitions = 0 } = lease?.spec ?? {};
  return {
    mode: 'ActivePassive',
    ...(holderIdentity === '' ? {} : { activeProxy: holderIdentity }),
    // The first to be active has taken over from nobody.
    ...(acquireTime === undefined || leaseTransitions < 2
      ? {}
      : { lastFailoverTime: wholeSeconds(acquireTime) }),
  };
}

/** `metav1.Time` of a `metav1.MicroTime`. */
function wholeSeconds(microTime: string): string {
  return microTime.replace(/\.\d+Z$/, 'Z');
}
