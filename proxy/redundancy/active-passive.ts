import type { Logger } from 'pino';
import type { ServicePort } from '../../api/service-ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { coalesce, type Coalesced } from '../../lib/coalesce.ts';
import { hostPort } from '../../lib/host-port.ts';
import { microTime, released, type LeaseSpec } from '../../lib/lease.ts';
import { MAX_PORTS, sameTarget, withActive, type ActiveProxy, type ActiveSlice } from './active-slice.ts';
import type { NamedObject, NamedObjects } from './api-server.ts';
import { nextMove, type TakeoverReason } from './next-move.ts';
import type { PeerAnswer } from './peer.ts';

export interface ActivePassiveTiming {
  /** How often the Lease is renewed, and looked at by those who stand by. */
  readonly roundMs: number;
  /** Without a renewal for this long the Lease is free. */
  readonly leaseMs: number;
  /** How often those who stand by ask the active proxy itself. */
  readonly peerMs: number;
  readonly peerTimeoutMs: number;
  /** After this many silent answers in a row it counts as dead; after one refusal at once. */
  readonly peerSilences: number;
}

export const ACTIVE_PASSIVE_TIMING: ActivePassiveTiming = {
  roundMs: 500,
  leaseMs: 3_000,
  peerMs: 200,
  peerTimeoutMs: 400,
  peerSilences: 3,
};

export interface ActivePassiveOptions extends ActiveProxy {
  readonly objects: NamedObjects;
  /** Of the Lease and of the EndpointSlice; both are there already. */
  readonly objectName: string;
  /** Where this proxy answers its probes, at its own address. */
  readonly probePort: number;
  readonly askPeer: (address: string, timeoutMs: number) => Promise<PeerAnswer>;
  /** This proxy could take all the traffic now. */
  readonly ready: () => boolean;
  /** What it listens on now. */
  readonly ports: () => readonly ServicePort[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly timing?: ActivePassiveTiming;
}

/** What the metrics show of it. */
export interface Redundancy {
  /** Takes the traffic, as far as it knows. */
  readonly active: boolean;
  /** How often this proxy has taken over, by reason. */
  readonly takeovers: ReadonlyMap<TakeoverReason, number>;
  /** When it last did; milliseconds since the epoch. */
  readonly lastTakeover: number | undefined;
}

interface Lease extends NamedObject {
  readonly spec?: LeaseSpec;
}

/** In the Lease: where its holder answers its probes. */
const PROBES = 'evenkeel.dev/probes';
/** How often the active proxy looks whether somebody else has written the slice. */
const CHECK_SLICE_MS = 5_000;

/**
 * Which of several proxies takes the traffic, decided by the proxies themselves: one holds a Lease, and writes itself
 * into the one EndpointSlice of a Service without selector.
 *
 * 1. Every proxy serves whoever comes, so two that believe to be active do no harm, and what is open on the one before
 *    goes on; the slice decides where new connections go, and it is written by who took the Lease last.
 * 2. A Lease that is let go is taken within one round; one whose holder does not live, as soon as that is seen; one
 *    that is not renewed, when it is over.
 * 3. While the API server is away nobody takes over, the holder stays what it is, and that time counts for nothing.
 */
export class ActivePassive implements Redundancy {
  readonly #options: ActivePassiveOptions;
  readonly #timing: ActivePassiveTiming;
  readonly #round: Coalesced;
  #lease: Lease | undefined;
  /** Since when `#lease` has been as it is; undefined while nobody can tell. */
  #unchangedSince: number | undefined;
  /** The version of the Lease whose holder was found dead. */
  #deadHolder: string | undefined;
  #active = false;
  /** What the slice says as we wrote it last, and when it was last seen to be so. */
  #written = { term: 0, ports: '', at: -Infinity };
  readonly #takeovers = new Map<TakeoverReason, number>();
  #lastTakeover: number | undefined;
  #silences = 0;
  #away = false;
  #cancelRound: () => void = () => undefined;
  #cancelPeer: () => void = () => undefined;
  #closed = false;

  constructor(options: ActivePassiveOptions) {
    this.#options = options;
    this.#timing = options.timing ?? ACTIVE_PASSIVE_TIMING;
    const { clock, log } = options;
    this.#round = coalesce({
      run: () => this.#look(),
      holdMs: 0,
      retryMs: this.#timing.roundMs,
      onError: (error) => {
        this.#unchangedSince = undefined;
        if (!this.#away)
          log.warn(
            { err: error, active: this.#active },
            'the API server does not answer: who is active stays it',
          );
        this.#away = true;
      },
      clock,
    });
  }

  get active(): boolean {
    return this.#active;
  }

  get takeovers(): ReadonlyMap<TakeoverReason, number> {
    return this.#takeovers;
  }

  get lastTakeover(): number | undefined {
    return this.#lastTakeover;
  }

  start(): void {
    this.#rounds();
    this.#peers();
  }

  /** What this proxy listens on may have changed. */
  portsChanged(): void {
    if (this.#active && portsKey(this.#options.ports()) !== this.#written.ports) this.#round.request();
  }

  /** Lets another take over, while this proxy still serves. */
  async release(): Promise<void> {
    this.#closed = true;
    this.#cancelRound();
    this.#cancelPeer();
    await this.#round.close();
    // Else the others wait until the lease is over, and this proxy may have ended before.
    for (let tries = 3; this.#active && tries > 0; tries -= 1) {
      await this.#letGo().catch((error: unknown) =>
        this.#options.log.warn({ err: error }, 'cannot let go of the lease'),
      );
    }
  }

  #rounds(): void {
    this.#round.request();
    this.#cancelRound = this.#options.clock.after(this.#timing.roundMs, () => this.#rounds());
  }

  async #look(): Promise<void> {
    const { objects, clock, name, ready } = this.#options;
    const { leaseMs } = this.#timing;
    // A holder knows the Lease from its last renewal, and is told by a conflict when that is no longer so.
    const lease = this.#active ? this.#lease! : await objects.get<Lease>(this.#leasePath);
    this.#observe(lease);
    const move = nextMove({
      spec: lease.spec ?? {},
      unchangedMs: clock.now() - (this.#unchangedSince ?? clock.now()),
      leaseMs,
      identity: name,
      ready: ready(),
      holderIsDead: this.#deadHolder === lease.metadata.resourceVersion,
    });
    switch (move.kind) {
      case 'wait':
        break;
      case 'release':
        await this.#letGo();
        break;
      case 'renew':
        if (await this.#hold(lease, lease.spec ?? {})) await this.#writeSlice();
        break;
      case 'take':
        if (await this.#take(lease, move.why)) await this.#writeSlice();
        break;
    }
    this.#answered();
  }

  #answered(): void {
    if (this.#away) this.#options.log.info('the API server answers again');
    this.#away = false;
  }

  #observe(lease: Lease): void {
    if (lease.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion)
      this.#unchangedSince = undefined;
    this.#unchangedSince ??= this.#options.clock.now();
    this.#lease = lease;
  }

  async #take(lease: Lease, why: TakeoverReason): Promise<boolean> {
    const { clock, log } = this.#options;
    const from = lease.spec?.holderIdentity ?? '';
    const leaseTransitions = (lease.spec?.leaseTransitions ?? 0) + 1;
    const acquireTime = microTime(clock.wall());
    if (!(await this.#hold(lease, { leaseTransitions, acquireTime }))) return false;
    log.info({ why, from, term: leaseTransitions }, 'active now');
    this.#takeovers.set(why, (this.#takeovers.get(why) ?? 0) + 1);
    this.#lastTakeover = clock.wall();
    return true;
  }

  /** Takes or renews; false when another was faster. */
  async #hold(lease: Lease, { leaseTransitions, acquireTime }: LeaseSpec): Promise<boolean> {
    const { clock, name, addresses, probePort } = this.#options;
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: this.#timing.leaseMs / 1_000,
      ...(leaseTransitions === undefined ? {} : { leaseTransitions }),
      ...(acquireTime === undefined ? {} : { acquireTime }),
      renewTime: microTime(clock.wall()),
    };
    return this.#put(lease, spec, hostPort(addresses[0] ?? '', probePort));
  }

  async #letGo(): Promise<void> {
    const lease = this.#lease!;
    await this.#put(lease, released(lease.spec ?? {}, this.#options.clock.wall()), '');
    this.#active = false;
  }

  async #put(lease: Lease, spec: LeaseSpec, probes: string): Promise<boolean> {
    const { objects, log } = this.#options;
    const metadata = { ...lease.metadata, annotations: { ...lease.metadata.annotations, [PROBES]: probes } };
    const written = await objects.put<Lease>(this.#leasePath, { ...lease, metadata, spec });
    if (written === undefined) {
      if (this.#active) log.warn('another proxy is active now');
      this.#active = false;
      this.#unchangedSince = undefined;
      return false;
    }
    this.#observe(written);
    this.#active = true;
    return true;
  }

  async #writeSlice(): Promise<void> {
    const { objects, clock, log } = this.#options;
    const ports = this.#options.ports();
    const key = portsKey(ports);
    const term = this.#lease?.spec?.leaseTransitions ?? 0;
    const before = this.#written;
    if (before.term === term && before.ports === key && clock.now() - before.at < CHECK_SLICE_MS) return;
    if (ports.length > MAX_PORTS) {
      log.error(
        { ports: ports.length, most: MAX_PORTS },
        'more ports than one slice can have: the last are not reached',
      );
    }
    const slice = await objects.get<ActiveSlice>(this.#slicePath);
    const wanted = withActive(slice, this.#options, ports, term);
    if (wanted === undefined) return;
    if (!sameTarget(slice, wanted) && (await objects.put(this.#slicePath, wanted)) === undefined) {
      this.#round.request(); // written by another meanwhile: the Lease says whether that was right
      return;
    }
    this.#written = { term, ports: key, at: clock.now() };
  }

  #peers(): void {
    this.#cancelPeer = this.#options.clock.after(this.#timing.peerMs, () => {
      void this.#askHolder().finally(() => {
        if (!this.#closed) this.#peers();
      });
    });
  }

  async #askHolder(): Promise<void> {
    const { askPeer, ready, log } = this.#options;
    const { peerTimeoutMs, peerSilences } = this.#timing;
    const lease = this.#lease;
    const address = lease?.metadata.annotations?.[PROBES] ?? '';
    if (lease === undefined || this.#active || address === '' || !ready()) return;
    const answer = await askPeer(address, peerTimeoutMs);
    this.#silences = answer === 'silent' ? this.#silences + 1 : 0;
    if (answer === 'alive' || (answer === 'silent' && this.#silences < peerSilences)) return;
    const { resourceVersion } = lease.metadata;
    if (this.#deadHolder !== resourceVersion) {
      log.info({ holder: lease.spec?.holderIdentity, answer }, 'the active proxy does not live');
    }
    this.#deadHolder = resourceVersion;
    this.#round.request();
  }

  get #leasePath(): string {
    const { namespace, objectName } = this.#options;
    return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${objectName}`;
  }

  get #slicePath(): string {
    const { namespace, objectName } = this.#options;
    return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/${objectName}`;
  }
}

function portsKey(ports: readonly ServicePort[]): string {
  return ports.map(({ name }) => name).join(' ');
}
