import { isDeepStrictEqual } from 'node:util';
import type { Backend, BackendTLS, Endpoint, LoadBalancing } from '../../api/snapshot.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import type { PickContext, Picker, PickFailure } from '../balancer/picker.ts';
import { createPicker, usesWeights } from '../balancer/registry.ts';
import { EndpointState, type Waiters } from '../state/endpoint-state.ts';
import { endpointKey } from '../state/identity.ts';
import type { SharedTable } from '../state/shared-table.ts';
import { ClientContext } from '../tls/client-context.ts';
import { affinityToken } from './affinity.ts';
import { isWithin, reach, type Place, type Reach } from './locality.ts';
import type { WaitQueue } from './wait-queue.ts';

/** What an upstream is given by its worker. */
export interface UpstreamDeps {
  readonly table: SharedTable;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Where this proxy runs. */
  readonly here: Place;
  /** The worker's, of all its pools. */
  readonly queue: WaitQueue;
}

export interface UpstreamConfig {
  readonly backend: Backend;
  readonly endpoints: readonly Endpoint[];
  /** Parallel to `endpoints`. */
  readonly slots: readonly number[];
  readonly loadBalancing: LoadBalancing;
}

/** A backend at run time, in one worker: its endpoints, and which of them the next request goes to. */
export class Upstream {
  readonly poolUid: string;
  /** The backend's name. */
  readonly name: string;
  /** Its slot in the shared table. */
  readonly slot: number;
  readonly waiters: Waiters;
  readonly #deps: UpstreamDeps;
  #backend: Backend;
  #loadBalancing: LoadBalancing;
  #tls: ClientContext | undefined;
  #endpoints: readonly EndpointState[] = [];
  readonly #bySlot = new Map<number, EndpointState>();
  /** Counts updates. */
  #round = 0;
  /** Made when the first affinity cookie comes. */
  #byToken: Map<string, EndpointState> | undefined;
  #stale = true;
  #epoch = 0;
  #version = 0;
  #eligible: readonly EndpointState[] = [];
  #available: readonly EndpointState[] = [];
  /** Of the near endpoints, where those are preferred and enough. */
  #picker: Picker | undefined;
  #reach: Reach = 'Any';
  /** Of all: for requests that the near ones do not take. */
  #farPicker: Picker | undefined;
  #farIsStale = true;
  #openPicker: Picker | undefined;
  #openIsStale = true;

  constructor(poolUid: string, slot: number, config: UpstreamConfig, deps: UpstreamDeps) {
    this.poolUid = poolUid;
    this.name = config.backend.name;
    this.slot = slot;
    this.waiters = deps.queue.waitersOf(slot);
    this.#deps = deps;
    this.#backend = config.backend;
    this.#loadBalancing = config.loadBalancing;
    this.update(config);
  }

  get backend(): Backend {
    return this.#backend;
  }

  /** All endpoints, in canonical order, eligible or not. */
  get endpoints(): readonly EndpointState[] {
    return this.#endpoints;
  }

  /** Takes the next snapshot's word; endpoints that stay keep their state. Returns those that are gone. */
  update({ backend, endpoints, slots, loadBalancing }: UpstreamConfig): readonly EndpointState[] {
    this.#round += 1;
    const tls = this.#contextFor(backend.tls);
    const next: EndpointState[] = [];
    const added: EndpointState[] = [];
    for (let index = 0; index < endpoints.length; index += 1) {
      const endpoint = endpoints[index]!;
      const slot = slots[index]!;
      let state = this.#bySlot.get(slot);
      if (state === undefined) {
        state = this.#create(endpoint, slot);
        this.#bySlot.set(slot, state);
        added.push(state);
      } else if (state.round === this.#round) continue; // named twice: one endpoint
      state.round = this.#round;
      state.weight = endpoint.weight;
      state.zone = endpoint.zone ?? '';
      state.nodeName = endpoint.nodeName ?? '';
      state.appProtocol = backend.appProtocol;
      state.tls = tls;
      next.push(state);
    }
    const gone = this.#endpoints.filter(({ round }) => round !== this.#round);
    for (const state of gone) {
      state.isRemoved = true;
      this.#bySlot.delete(state.slot);
    }
    const sameOrder =
      next.length === this.#endpoints.length &&
      next.every((state, index) => state === this.#endpoints[index]);
    // The same list stays the same object: pickers take it as the sign that no place has moved.
    if (!sameOrder) this.#endpoints = next;
    if (loadBalancing.algorithm !== this.#loadBalancing.algorithm) {
      this.#picker = undefined;
      this.#farPicker = undefined;
      this.#openPicker = undefined;
    }
    this.#backend = backend;
    this.#loadBalancing = loadBalancing;
    this.#stale = true;
    if (this.#byToken !== undefined) {
      for (const state of gone) this.#byToken.delete(this.#token(state));
      for (const state of added) this.#byToken.set(this.#token(state), state);
    }
    return gone;
  }

  /** No snapshot names it any more. Returns its endpoints. */
  remove(): readonly EndpointState[] {
    for (const state of this.#endpoints) state.isRemoved = true;
    return this.#endpoints;
  }

  /** The same for as long as nothing of it changes, and with it its sessions and idle connections. */
  #contextFor(settings: BackendTLS | undefined): ClientContext | undefined {
    if (settings === undefined) this.#tls = undefined;
    else if (!isDeepStrictEqual(settings, this.#tls?.settings)) this.#tls = new ClientContext(settings);
    return this.#tls;
  }

  /** The endpoint that an affinity cookie's value names. */
  byToken(token: string): EndpointState | undefined {
    this.#byToken ??= this.#tokens();
    return this.#byToken.get(token);
  }

  /**
   * Rises whenever verdicts, weights or configuration have changed what may be picked. Reading it looks at the
   * shared epoch first, so what is read afterwards is as new as the version says.
   */
  get version(): number {
    const epoch = this.#deps.table.epoch(this.slot);
    if (this.#stale || epoch !== this.#epoch) this.#refresh(epoch);
    return this.#version;
  }

  /** Endpoints that may take anything new. As of the last look at `version`, like all that follows. */
  get eligible(): number {
    return this.#eligible.length;
  }

  /** Endpoints that are ready, undrained and not excluded, healthy or not. */
  get available(): number {
    return this.#available.length;
  }

  /** Milliseconds since a verdict last changed. */
  sinceChangeMs(nowMs: number): number {
    return this.#deps.table.sinceEpochMs(this.slot, nowMs);
  }

  /** Acquires one of the eligible endpoints: a near one, unless the request has tried those, or they are full. */
  pick(ctx: PickContext): EndpointState | PickFailure {
    const picked = this.#picker!.pick(ctx);
    return typeof picked === 'string' && this.#reach !== 'Any' ? this.#pickFar(ctx) : picked;
  }

  #pickFar(ctx: PickContext): EndpointState | PickFailure {
    if (this.#farIsStale) {
      const previous = this.#farPicker ?? this.#picker;
      this.#farPicker = this.#createPicker(this.#endpoints, this.#eligible, previous);
      this.#farIsStale = false;
    }
    return this.#farPicker!.pick(ctx);
  }

  /** Acquires one of the available endpoints, whatever their health: for pools that fail open. */
  pickOpen(ctx: PickContext): EndpointState | PickFailure {
    if (this.#openIsStale) {
      const previous = this.#openPicker ?? this.#picker;
      this.#openPicker = this.#createPicker(this.#endpoints, this.#available, previous);
      this.#openIsStale = false;
    }
    return this.#openPicker!.pick(ctx);
  }

  #create(endpoint: Endpoint, slot: number): EndpointState {
    const { address, port } = endpoint;
    const key = endpointKey(this.poolUid, this.name, endpoint);
    const state = new EndpointState(
      { key, slot, upstream: this.slot, address, port },
      endpoint,
      this.#deps.table,
    );
    state.waiters = this.waiters;
    return state;
  }

  #tokens(): Map<string, EndpointState> {
    return new Map(this.#endpoints.map((state) => [this.#token(state), state]));
  }

  #token(state: EndpointState): string {
    return affinityToken(this.poolUid, state.key);
  }

  /** The epoch was read before the flags: flags that change meanwhile are seen at the next look. */
  #refresh(epoch: number): void {
    const counted = usesWeights(this.#loadBalancing.algorithm)
      ? this.#endpoints.filter(({ weight }) => weight > 0)
      : this.#endpoints;
    this.#eligible = counted.filter((endpoint) => endpoint.eligible);
    this.#available = counted.filter((endpoint) => endpoint.available);
    this.#picker = this.#createNearPicker();
    this.#farIsStale = true;
    this.#openIsStale = true;
    this.#epoch = epoch;
    this.#stale = false;
    this.#version++;
  }

  #createNearPicker(): Picker {
    const { here } = this.#deps;
    const near = reach(this.#loadBalancing.locality, here, this.#eligible);
    this.#reach = near;
    if (near === 'Any') return this.#createPicker(this.#endpoints, this.#eligible, this.#picker);
    const isNear = (endpoint: EndpointState): boolean => isWithin(near, here, endpoint);
    return this.#createPicker(this.#endpoints.filter(isNear), this.#eligible.filter(isNear), this.#picker);
  }

  #createPicker(
    members: readonly EndpointState[],
    eligible: readonly EndpointState[],
    previous: Picker | undefined,
  ): Picker {
    const { table, clock, rng } = this.#deps;
    const { algorithm } = this.#loadBalancing;
    return createPicker(algorithm, { members, eligible, table, upstream: this.slot, clock, rng, previous });
  }
}
