import { create } from '@bufbuild/protobuf';
import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { encodeToProxy, MAX_MESSAGE_BYTES, type ToControllerBody } from '../../api/control.ts';
import { NackSchema, type Ack, type Health, type Nack, type Traffic } from '../../api/control_pb.ts';
import { backoff, type Backoff } from '../../lib/backoff.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import { FairSet } from '../fair-set.ts';
import type { ProxyView, Refusal } from './proxy-view.ts';
import type { PublishedPool } from './published.ts';
import type { SendBudget } from './send-budget.ts';

/** Bytes that may be on their way to one proxy; a single larger update goes alone. */
const WINDOW_BYTES = 1024 * 1024;
const TOO_LARGE = `its endpoints, certificates and routes are more than the ${MAX_MESSAGE_BYTES / 1024 / 1024} MiB that a proxy takes of one pool`;
const REFUSED_AGAIN = { initialMs: 2_000, maxMs: 60_000 };

export type ControlServerStream = ServerDuplexStream<ToControllerBody | undefined, Buffer>;

export interface SessionOptions {
  readonly stream: ControlServerStream;
  readonly view: ProxyView;
  readonly pools: ReadonlyMap<string, PublishedPool>;
  /** Pools that are not published but must not be removed either. */
  readonly kept: ReadonlySet<string>;
  readonly budget: SendBudget;
  /** Several updates as one message. */
  readonly join: (updates: readonly Buffer[]) => Buffer;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  /** A proxy that takes longer to answer is cut off. */
  readonly ackTimeoutMs: number;
  readonly events: SessionEvents;
}

export interface SessionEvents {
  pushed(bytes: number): void;
  /** `view.applied` says so already. */
  acked(uid: string): void;
  nacked(uid: string, nack: Nack): void;
  ready(): void;
  health(health: Health): void;
  traffic(traffic: Traffic): void;
  /** The proxy has heard of a higher epoch than ours. */
  deposed(epoch: number): void;
}

interface InFlight {
  readonly digest: string;
  readonly bytes: number;
}

/**
 * One proxy's stream. While it leads it brings the proxy to the published state:
 *
 * 1. At most one message is unacknowledged; what changes meanwhile, in however many pools, goes out as one after the
 *    answer. So a proxy, or a controller, that is too slow for the changes costs a moment's delay and not a queue.
 * 2. The first message of each pool in an epoch is all of it; later ones are deltas from what was acknowledged.
 * 3. What the proxy refused is sent again when it changes, and now and then in case the reason has gone.
 * 4. Unacknowledged bytes are bounded, for this proxy and for all together.
 * 5. A pool that is more than a proxy takes in one message is not sent; the proxy keeps what it has of it.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #inFlight = new Map<string, InFlight>();
  /** Pools that the proxy may not have as published; the window is shared by namespaces in turn. */
  readonly #due = new FairSet((uid) => this.#options.pools.get(uid)?.snapshot.namespace ?? '');
  /** Pools of which the proxy must get everything. */
  readonly #full = new Set<string>();
  readonly #removed = new Set<string>();
  /** When to send again what was refused, by pool. */
  readonly #again = new Map<string, { readonly wait: Backoff; cancel: () => void }>();
  #epoch: number | undefined;
  #syncing = false;
  #isPumpDue = false;
  #inFlightBytes = 0;
  #cancelDeadline: (() => void) | undefined;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Sends the whole state of the world, and from then on what changes. */
  lead(epoch: number): void {
    const { view, pools, kept } = this.#options;
    for (const uid of view.applied.keys()) if (!pools.has(uid) && !kept.has(uid)) view.applied.delete(uid);
    this.#epoch = epoch;
    this.#syncing = true;
    this.#full.clear();
    for (const uid of pools.keys()) {
      this.#due.add(uid);
      this.#full.add(uid);
    }
    this.#pump();
  }

  follow(): void {
    this.#epoch = undefined;
    this.#syncing = false;
    this.#due.clear();
    this.#removed.clear();
  }

  changed(uid: string): void {
    if (this.#epoch === undefined) return;
    this.#due.add(uid);
    this.#pumpSoon();
  }

  removed(uid: string): void {
    const { view } = this.#options;
    view.applied.delete(uid);
    this.#forgetRefusal(uid);
    this.#due.delete(uid);
    this.#full.delete(uid);
    if (this.#epoch === undefined) return;
    this.#removed.add(uid);
    this.#pumpSoon();
  }

  receive(body: ToControllerBody): void {
    if (this.#closed) return;
    const { view, clock, events } = this.#options;
    view.lastSeenAt = clock.now();
    switch (body.case) {
      case 'ack':
        this.#ack(body.value);
        this.#pump();
        break;
      case 'acks':
        for (const ack of body.value.acks) this.#ack(ack);
        this.#pump();
        break;
      case 'nack':
        this.#nack(body.value);
        break;
      case 'ready':
        view.ready = true;
        events.ready();
        break;
      case 'health':
        events.health(body.value);
        break;
      case 'traffic':
        events.traffic(body.value);
        break;
      case 'hello':
        break; // once only, and the server has read it
    }
  }

  /** Ends the stream; the proxy comes back at once. */
  end(): void {
    if (this.#closed) return;
    this.close();
    this.#options.stream.end();
  }

  /** The stream is gone: gives back what it held. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelDeadline?.();
    for (const { cancel } of this.#again.values()) cancel();
    this.#options.budget.free(this.#inFlightBytes, this.#pump);
    this.#inFlight.clear();
  }

  #ack({ uid, digest, epoch }: Ack): void {
    const { view, events, pools } = this.#options;
    this.#answered(uid, digest);
    if (epoch > view.epoch) view.epoch = epoch;
    if (this.#epoch === undefined || pools.has(uid)) {
      view.applied.set(uid, digest);
      this.#forgetRefusal(uid);
    }
    events.acked(uid);
  }

  #nack(nack: Nack): void {
    const { uid, digest, epoch, resync } = nack;
    const { view, events, pools } = this.#options;
    this.#answered(uid, digest);
    if (epoch > view.epoch) view.epoch = epoch;
    if (this.#epoch !== undefined && epoch > this.#epoch) {
      events.deposed(epoch);
      return;
    }
    if (resync) this.#full.add(uid);
    else if (pools.has(uid)) {
      view.refused.set(uid, refusal(nack, view.refused.get(uid)));
      this.#tryAgainLater(uid);
    }
    events.nacked(uid, nack);
    this.#due.add(uid);
    this.#pump();
  }

  #tryAgainLater(uid: string): void {
    const { clock, rng } = this.#options;
    const again = this.#again.get(uid) ?? { wait: backoff(REFUSED_AGAIN, rng), cancel: () => undefined };
    again.cancel();
    again.cancel = clock.after(again.wait.next(), () => {
      if (this.#epoch === undefined) return;
      this.#full.add(uid);
      this.#due.add(uid);
      this.#pump();
    });
    this.#again.set(uid, again);
  }

  #forgetRefusal(uid: string): void {
    this.#options.view.refused.delete(uid);
    this.#again.get(uid)?.cancel();
    this.#again.delete(uid);
  }

  #answered(uid: string, digest: string): void {
    const sent = this.#inFlight.get(uid);
    if (sent?.digest !== digest) return;
    this.#inFlight.delete(uid);
    this.#inFlightBytes -= sent.bytes;
    if (this.#inFlight.size === 0) this.#cancelDeadline?.();
    this.#options.budget.free(sent.bytes);
  }

  /** What is published together goes out together. */
  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  readonly #pump = (): void => {
    const epoch = this.#epoch;
    if (this.#closed || epoch === undefined) return;
    const { pools } = this.#options;
    for (const uid of this.#removed) this.#write(encodeToProxy({ case: 'removal', value: { epoch, uid } }));
    this.#removed.clear();
    if (this.#inFlight.size === 0) this.#sendDue(epoch);
    if (this.#syncing && this.#full.size === 0) {
      this.#syncing = false;
      const uids = [...pools.keys(), ...this.#options.kept];
      this.#write(encodeToProxy({ case: 'syncEnd', value: { epoch, uids } }));
    }
  };

  #has(uid: string, { snapshot: { digest } }: PublishedPool): boolean {
    const { view } = this.#options;
    if (this.#full.has(uid)) return false;
    return view.applied.get(uid) === digest || view.refused.get(uid)?.digest === digest;
  }

  /** As much of what is due as there is room for, as one message. */
  #sendDue(epoch: number): void {
    const { pools, view, budget, events, join } = this.#options;
    const updates: Buffer[] = [];
    for (const uid of this.#due) {
      const pool = pools.get(uid);
      if (pool === undefined || this.#has(uid, pool)) {
        this.#due.delete(uid);
        continue;
      }
      const update = pool.message(epoch, this.#full.has(uid) ? undefined : view.applied.get(uid));
      if (update === undefined) {
        this.#refuse(uid, pool.snapshot.digest, epoch);
        continue;
      }
      const bytes = update.byteLength;
      if (updates.length > 0 && this.#inFlightBytes + bytes > WINDOW_BYTES) break;
      if (!budget.take(bytes, this.#pump)) break;
      this.#due.delete(uid);
      this.#full.delete(uid);
      this.#inFlight.set(uid, { digest: pool.snapshot.digest, bytes });
      this.#inFlightBytes += bytes;
      updates.push(update);
      events.pushed(bytes);
    }
    if (updates.length === 0) return;
    this.#watchDeadline();
    this.#write(join(updates));
  }

  /** What is too large would cost the proxy its stream, and so every pool: it counts as refused by the proxy. */
  #refuse(uid: string, digest: string, epoch: number): void {
    const { view, events } = this.#options;
    this.#due.delete(uid);
    this.#full.delete(uid);
    const nack = create(NackSchema, { uid, digest, epoch, faults: [{ path: '', message: TOO_LARGE }] });
    view.refused.set(uid, refusal(nack, view.refused.get(uid)));
    events.nacked(uid, nack);
  }

  #write(message: Buffer): void {
    // The answer tells nothing: acknowledgements, the window and the deadline keep what is buffered small.
    this.#options.stream.write(message);
  }

  /** What is under way now has to be answered in time. */
  #watchDeadline(): void {
    const { clock, ackTimeoutMs, log, view } = this.#options;
    this.#cancelDeadline = clock.after(ackTimeoutMs, () => {
      log.warn({ proxy: view.name }, 'does not acknowledge: cut off');
      this.close();
      const code = status.DEADLINE_EXCEEDED;
      this.#options.stream.emit('error', { code, details: 'no acknowledgement in time' });
    });
  }
}

function refusal({ digest, faults }: Nack, before: Refusal | undefined): Refusal {
  const plain = faults.map(({ path, message }) => ({ path, message }));
  const repeated = before?.digest === digest && JSON.stringify(before.faults) === JSON.stringify(plain);
  return { digest, faults: plain, repeated };
}
