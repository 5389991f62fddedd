import type { BackendRef, FailOpen, LoadBalancing, SessionAffinity } from '../../api/snapshot.ts';
import type { Clock } from '../../lib/clock.ts';
import { hashes } from '../balancer/registry.ts';
import type { PickContext, PickFailure } from '../balancer/picker.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import { BackendChoice, type WeightedUpstream } from './backend-choice.ts';
import { Failover, type TierHealth } from './failover.ts';
import type { Upstream } from './upstream.ts';
import type { WaitLimits, WaitQueue, WaitResult } from './wait-queue.ts';

export interface SelectRequest extends PickContext {
  /** Value of the affinity cookie; undefined: there is none. */
  readonly bound: string | undefined;
}

/** The part of a pool's configuration that selecting follows. */
export interface SelectionConfig {
  readonly loadBalancing: LoadBalancing;
  readonly failOpen: FailOpen;
  readonly sessionAffinity: SessionAffinity;
}

export interface SelectorDeps {
  readonly clock: Clock;
  readonly queue: WaitQueue;
}

/** The backends of one priority that get new requests. */
interface Tier {
  readonly priority: number;
  readonly choice: BackendChoice;
}

/**
 * Chooses and acquires the endpoint for a request that a list of backend refs (a route's, or the pool's default)
 * is to serve, in one worker:
 *
 * 1. the refs are these;
 * 2. the endpoint of an affinity cookie wins over weight and priority while it is healthy or draining;
 * 3. the first priority with enough healthy endpoints takes everything, else the healthiest one (failover.ts);
 * 4. one of its backends that have an eligible endpoint, by weight (backend-choice.ts);
 * 5. an endpoint of that by the pool's algorithm (proxy/balancer);
 * 6. full endpoints are passed over;
 * 7. nothing healthy anywhere: any available endpoint, if the pool fails open.
 *
 * A retry brings the endpoints it tried, the latest last, and enters at 3 without them; when there is no other, it may
 * have one of them again, the latest only where that is the only one.
 */
export class BackendSelector {
  readonly #deps: SelectorDeps;
  readonly #failover = new Failover();
  #config: SelectionConfig;
  /** All refs' upstreams, in order of the refs. */
  #upstreams: readonly Upstream[] = [];
  #tiers: readonly Tier[] = [];
  /** The versions of the upstreams added up, when `#current` was judged. */
  #version = -1;
  /** Index of the tier that takes everything; -1: none has an eligible endpoint. */
  #current = -1;
  /** Use the available endpoints instead of the eligible ones. */
  #open = false;
  readonly #again = { hashKey: 0, tried: [] as EndpointState[], maxInFlight: 0 };

  constructor(
    refs: readonly BackendRef[],
    upstreams: ReadonlyMap<string, Upstream>,
    config: SelectionConfig,
    deps: SelectorDeps,
  ) {
    this.#deps = deps;
    this.#config = config;
    this.update(refs, upstreams, config);
  }

  /** Takes the next snapshot's word; failover goes on where it was. */
  update(
    refs: readonly BackendRef[],
    upstreams: ReadonlyMap<string, Upstream>,
    config: SelectionConfig,
  ): void {
    this.#config = config;
    const known = refs.flatMap(({ name, weight, priority }) => {
      const upstream = upstreams.get(name);
      return upstream === undefined ? [] : [{ upstream, weight, priority }];
    });
    this.#upstreams = known.map(({ upstream }) => upstream);
    this.#tiers = tiersOf(known, hashes(config.loadBalancing.algorithm));
    this.#failover.keep(this.#tiers.map(({ priority }) => priority));
    this.#version = -1;
  }

  /**
   * The endpoint has been acquired: release it exactly once. `all-full` also while others wait for the same backends:
   * line up with `enqueue`. Allocates nothing.
   */
  select(request: SelectRequest): EndpointState | PickFailure {
    this.#judgeIfChanged();
    if (request.bound !== undefined && request.tried.length === 0) {
      const endpoint = this.#boundTo(request.bound);
      if (endpoint?.tryAcquire(request.maxInFlight) === true) return endpoint;
    }
    return this.#othersWait() ? 'all-full' : this.#place(request);
  }

  /**
   * Waits for an endpoint after `all-full`. `done` is called once, later, unless the returned function cancels before;
   * the endpoint it brings has been acquired. `request` must not change meanwhile.
   */
  enqueue(
    request: SelectRequest,
    limits: WaitLimits,
    done: (result: WaitResult) => void,
  ): (() => void) | 'queue-full' {
    this.#judgeIfChanged();
    return this.#deps.queue.enqueue({
      upstreams: this.#placing()?.choice.slots ?? this.#upstreams.map(({ slot }) => slot),
      limits,
      attempt: () => {
        this.#judgeIfChanged();
        return this.#place(request);
      },
      done,
    });
  }

  /** Is there a healthy endpoint, and does it take what is new? Not when the pool fails open. */
  get hasEligible(): boolean {
    this.#judgeIfChanged();
    return !this.#open;
  }

  /**
   * Is the client to be bound to another endpoint than its cookie says? Not while the one it names may serve it, even
   * if this request went elsewhere because that one was full, or failed once.
   */
  rebinds(bound: string | undefined): boolean {
    if (this.#config.sessionAffinity.type === 'None') return false;
    return bound === undefined || this.#boundTo(bound) === undefined;
  }

  #boundTo(token: string): EndpointState | undefined {
    if (this.#config.sessionAffinity.type === 'None') return undefined;
    for (let index = 0; index < this.#upstreams.length; index++) {
      const endpoint = this.#upstreams[index]!.byToken(token);
      if (endpoint !== undefined) return endpoint.affine ? endpoint : undefined;
    }
    return undefined;
  }

  /** Steps 3 to 7. */
  #place(request: PickContext): EndpointState | PickFailure {
    if (this.#tiers.length === 0) return this.#hasEndpoints() ? 'no-weight' : 'no-endpoints';
    const picked = this.#pick(request);
    if (picked !== 'none-eligible' || request.tried.length === 0) return picked;
    const again = this.#again;
    again.hashKey = request.hashKey;
    again.maxInFlight = request.maxInFlight;
    again.tried.push(request.tried.at(-1)!);
    const other = this.#pick(again);
    again.tried.length = 0;
    return other === 'none-eligible' ? this.#pick(again) : other;
  }

  /** Do requests wait for each backend that this one could go to? */
  #othersWait(): boolean {
    const choice = this.#placing()?.choice;
    return choice !== undefined && choice.awaited;
  }

  /** The tier that new requests go to now; undefined: none. */
  #placing(): Tier | undefined {
    return this.#tiers[this.#current] ?? this.#tiers.find(({ choice }) => choice.available > 0);
  }

  #pick(ctx: PickContext): EndpointState | PickFailure {
    if (this.#open) return this.#pickOpen(ctx);
    let failure = this.#tiers[this.#current]!.choice.pick(ctx, false);
    if (failure !== 'none-eligible') return failure;
    // This priority's endpoints have all been tried by this request.
    for (let index = 0; index < this.#tiers.length; index++) {
      if (index === this.#current) continue;
      const picked = this.#tiers[index]!.choice.pick(ctx, false);
      if (typeof picked !== 'string') return picked;
      if (picked === 'all-full') failure = picked;
    }
    return failure;
  }

  /** Fails open, if at all: over the priority in use, or, where none has a healthy endpoint, the first that may. */
  #pickOpen(ctx: PickContext): EndpointState | PickFailure {
    if (!this.#hasEndpoints()) return 'no-endpoints';
    if (this.#config.failOpen.mode === 'Never') return 'none-eligible';
    return this.#placing()?.choice.pick(ctx, true) ?? 'none-eligible';
  }

  #hasEndpoints(): boolean {
    for (const upstream of this.#upstreams) if (upstream.endpoints.length > 0) return true;
    return false;
  }

  #judgeIfChanged(): void {
    let version = 0;
    for (let index = 0; index < this.#upstreams.length; index++) version += this.#upstreams[index]!.version;
    if (version === this.#version && !this.#failover.pending) return;
    this.#version = version;
    this.#judge();
  }

  /** Apart from the check, which then needs no closures and so allocates nothing. */
  #judge(): void {
    const now = this.#deps.clock.now();
    const tiers = this.#tiers.map(({ priority, choice }): TierHealth => {
      return {
        priority,
        healthy: choice.eligible,
        ready: choice.available,
        sinceChangeMs: choice.sinceChangeMs(now),
      };
    });
    const { loadBalancing, failOpen } = this.#config;
    this.#current = this.#failover.judge(tiers, loadBalancing.failover, now);
    const chosen = tiers[this.#current];
    this.#open =
      chosen === undefined ||
      (failOpen.mode === 'BelowPercent' && chosen.healthy * 100 < failOpen.percent * chosen.ready);
  }
}

/** By priority, without refs of weight 0: they get nothing new. */
function tiersOf(refs: readonly (WeightedUpstream & { priority: number })[], byHash: boolean): Tier[] {
  const priorities = new Map<number, WeightedUpstream[]>();
  for (const ref of refs) {
    if (ref.weight === 0) continue;
    const tier = priorities.get(ref.priority);
    if (tier === undefined) priorities.set(ref.priority, [ref]);
    else tier.push(ref);
  }
  return [...priorities]
    .sort(([a], [b]) => a - b)
    .map(([priority, members]) => ({ priority, choice: new BackendChoice(members, byHash) }));
}
