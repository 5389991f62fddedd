import type { Backend } from '../../api/snapshot.ts';
import type { ClientContext } from '../tls/client-context.ts';
import { nextLatencyUs } from './peak-ewma.ts';
import { DRAINING, EXCLUDED, HEALTHY, READY, type SharedTable, UNREACHABLE } from './shared-table.ts';

/** Half an hour: what a 32-bit cell of microseconds holds. */
const MAX_LATENCY_US = 1_800_000_000;

/** Requests that wait for an endpoint of an upstream to have room. */
export interface Waiters {
  /** Are there any, in whichever worker? */
  readonly any: boolean;
  /** There is room: serve the next, soon. */
  freed(): void;
}

/**
 * One endpoint at run time, as one worker holds it: the meeting point of balancing, health and connections.
 * It lives as long as its identity (pool uid, backend, target uid, address, port) does, whatever snapshots come
 * and go; what all threads must agree on is in the shared table under `slot`.
 */
export class EndpointState {
  /** Identity: `endpointKey` of proxy/state/identity.ts. */
  readonly key: string;
  readonly slot: number;
  /** Its upstream's slot. */
  readonly upstream: number;
  readonly address: string;
  readonly port: number;
  readonly table: SharedTable;
  /** As configured; `effectiveWeight` is what balancing uses. */
  weight: number;
  zone: string;
  nodeName: string;
  /** What it is spoken to in, where that is HTTP. */
  appProtocol: Backend['appProtocol'];
  /** How it is spoken to; undefined: in clear. Another object says that something of it has changed. */
  tls: ClientContext | undefined;
  /** Told when a request ends here. */
  waiters: Waiters | undefined;
  /** The last update of its upstream that named it. */
  round = 0;
  /** No snapshot names it any more. One that names it again makes another of it. */
  isRemoved = false;

  constructor(
    identity: { key: string; slot: number; upstream: number; address: string; port: number },
    traits: { weight: number; zone?: string | undefined; nodeName?: string | undefined },
    table: SharedTable,
  ) {
    this.key = identity.key;
    this.slot = identity.slot;
    this.upstream = identity.upstream;
    this.address = identity.address;
    this.port = identity.port;
    this.table = table;
    this.weight = traits.weight;
    this.zone = traits.zone ?? '';
    this.nodeName = traits.nodeName ?? '';
    this.appProtocol = 'http1';
    this.tls = undefined;
    this.waiters = undefined;
  }

  /** May take anything new. */
  get eligible(): boolean {
    return (this.table.flags(this.slot) & (READY | HEALTHY | DRAINING | EXCLUDED)) === (READY | HEALTHY);
  }

  /** May take a request that is bound to it by affinity: healthy, or draining while it still answers. */
  get affine(): boolean {
    const flags = this.table.flags(this.slot);
    return (flags & HEALTHY) !== 0 && (flags & EXCLUDED) === 0 && (flags & (READY | DRAINING)) !== 0;
  }

  /** Counts in the denominator of failover, and may be used when nothing is healthy and the pool fails open. */
  get available(): boolean {
    return (this.table.flags(this.slot) & (READY | DRAINING | EXCLUDED)) === READY;
  }

  /** Packets to it are lost. */
  get isUnreachable(): boolean {
    return (this.table.flags(this.slot) & UNREACHABLE) !== 0;
  }

  /** Nothing is sent there, not even when the pool fails open: removed, or neither ready nor healthy nor anything. */
  get isGone(): boolean {
    return this.isRemoved || this.table.flags(this.slot) === 0;
  }

  /** The configured weight, less while it starts slowly. */
  get effectiveWeight(): number {
    return (this.weight * this.table.weightPercent(this.slot)) / 100;
  }

  /** Requests (L4: sessions), over all workers. */
  get inFlight(): number {
    return this.table.inFlight(this.slot);
  }

  /**
   * An attempt's latency (HTTP: to the response head; TCP: to the connection). Call it before `release`.
   * @param nowMs `Clock.now()`
   */
  observeLatency(sampleMs: number, nowMs: number): void {
    const { table, slot } = this;
    const sampleUs = Math.min(Math.max(1, sampleMs * 1_000), MAX_LATENCY_US);
    const elapsedMs = table.latencyAgeMs(slot, nowMs);
    table.setLatency(slot, nextLatencyUs(table.latencyUs(slot), sampleUs, elapsedMs), nowMs);
  }

  /**
   * Nobody listens there: from now on no worker chooses it, however long the main thread takes to hear of it. True
   * for the one call that took it out.
   * @param nowMs `Clock.now()`
   */
  takeOut(nowMs: number): boolean {
    if (!this.table.clearHealthy(this.slot)) return false;
    this.table.bumpEpoch(this.upstream, nowMs);
    return true;
  }

  tryAcquire(max: number): boolean {
    return this.table.tryAcquire(this.slot, max);
  }

  /** Undoes one acquire; exactly once for each. */
  release(): void {
    this.table.release(this.slot);
    if (this.waiters?.any === true) this.waiters.freed();
  }
}
