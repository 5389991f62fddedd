import type { Logger } from 'pino';
import type { PoolAddress } from '../../api/pool.gen.ts';
import type { ServicePort } from '../../api/service-ports.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import { coalesce, type Coalesced } from '../../lib/coalesce.ts';
import type { KubeClient } from '../kube/client.ts';
import { ListWatch, type ListWatchTiming } from '../kube/list-watch.ts';
import { resourcePath, SERVICES, type KubeObject } from '../kube/objects.ts';
import { addressesOf, freePorts, hasPorts, type FrontendService } from './service-ports.ts';

export interface FrontendOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Name of the Service. */
  readonly service: string;
  /** Asked before every write. */
  readonly leading: () => boolean;
  /** The Service has other addresses than before. */
  readonly onAddresses: () => void;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly timing?: Partial<ListWatchTiming>;
}

/** Owns what it applied, and nothing else of the Service. */
const FIELD_MANAGER = 'evenkeel-frontend';

/**
 * The way in: a Service whose ports follow the listeners that proxies have.
 *
 * 1. Ports are written by server-side apply, all of ours at once, so those that nobody listens on any more go away,
 *    and those of others (the chart's status port) stay.
 * 2. Only the leader writes; a new leader writes once, whatever it finds.
 * 3. A Service that does not exist is waited for, not made.
 */
export class Frontend {
  readonly #options: FrontendOptions;
  readonly #watch: ListWatch<FrontendService>;
  readonly #round: Coalesced;
  #wanted: readonly ServicePort[] | undefined;
  #service: FrontendService | undefined;
  #addresses: readonly PoolAddress[] = [];
  /** What this leader wrote last. */
  #applied = '';

  constructor(options: FrontendOptions) {
    this.#options = options;
    const { client, namespace, service, clock, rng, log } = options;
    const seen = (found: FrontendService | undefined): void => this.#observe(found);
    this.#watch = new ListWatch<FrontendService>({
      client,
      path: resourcePath(SERVICES, namespace),
      fieldSelector: `metadata.name=${service}`,
      trim: (object) => object as FrontendService,
      sink: { replace: ([found]) => seen(found), put: seen, remove: () => seen(undefined) },
      clock,
      rng,
      log,
      ...(options.timing === undefined ? {} : { timing: options.timing }),
    });
    this.#round = coalesce({
      run: () => this.#apply(),
      holdMs: 10,
      retryMs: 2_000,
      onError: (error) => log.warn({ err: error, service }, 'cannot write the ports of the Service'),
      clock,
    });
  }

  /** Where clients find the proxies; empty while nobody has given the Service an address. */
  get addresses(): readonly PoolAddress[] {
    return this.#addresses;
  }

  start(): void {
    this.#watch.start();
  }

  /** Until this is called once, the Service is left as it is. */
  setPorts(wanted: readonly ServicePort[]): void {
    this.#wanted = wanted;
    this.#round.request();
  }

  /** This controller leads now. */
  lead(): void {
    this.#applied = '';
    this.#round.request();
  }

  async close(): Promise<void> {
    await this.#watch.stop();
    await this.#round.close();
  }

  #observe(service: FrontendService | undefined): void {
    if (service?.metadata.uid !== this.#service?.metadata.uid) this.#applied = '';
    this.#service = service;
    const addresses = service === undefined ? [] : addressesOf(service);
    if (JSON.stringify(addresses) !== JSON.stringify(this.#addresses)) {
      this.#addresses = addresses;
      this.#options.onAddresses();
    }
    this.#round.request();
  }

  async #apply(): Promise<void> {
    const { client, namespace, service: name, leading, log } = this.#options;
    if (this.#service === undefined || this.#wanted === undefined || !leading()) return;
    const ports = freePorts(this.#wanted, this.#service);
    const key = JSON.stringify(ports);
    if (key === this.#applied && hasPorts(this.#service, ports)) return;
    await client.request<KubeObject>('PATCH', resourcePath(SERVICES, namespace, name), {
      query: { fieldManager: FIELD_MANAGER, force: true },
      contentType: 'application/apply-patch+yaml',
      // The uid fences it: a Service that was deleted meanwhile is not made anew.
      body: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace, uid: this.#service.metadata.uid },
        spec: { ports },
      },
    });
    if (key !== this.#applied)
      log.info({ service: name, ports: ports.map((port) => port.name) }, 'ports of the Service');
    this.#applied = key;
  }
}
