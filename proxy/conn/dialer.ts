import type { Clock } from '../../lib/clock.ts';
import type { PickFailure } from '../balancer/picker.ts';
import type { ErrorCode } from '../errors.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { PassiveReporter } from '../worker/context.ts';
import { openedEvent } from './connect-endpoint.ts';
import { connectErrorCode } from './connect-error.ts';
import { Deadline, type Deadlines } from './deadlines.ts';
import { afterFailedTry, type DialLimits, hedges, usesUpRetry } from './dial-plan.ts';

/** What is being opened to an endpoint: a socket, or a claim to what is built on one. */
export interface Opening {
  on(event: 'connect' | 'secureConnect', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'connect' | 'secureConnect', listener: () => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
  /** It is not needed, or has failed. */
  destroy(): void;
}

/** Who wants a connection. */
export interface DialRequest<O extends Opening> {
  readonly dialLimits: DialLimits;
  /** Begins to connect; the dial listens for `connect` (TLS: `secureConnect`) and `error` alone, and nothing has to be listening before. */
  open(endpoint: EndpointState): O;
  /** Acquires an endpoint for a further try. */
  nextEndpoint(tried: readonly EndpointState[]): EndpointState | PickFailure;
  /**
   * Called once, or `failed` is, unless cancelled before. The endpoint's acquire goes over to the request.
   * @param tookMs from the beginning of this try
   */
  connected(opened: O, endpoint: EndpointState, tookMs: number): void;
  /** Nothing is held any more. */
  failed(code: ErrorCode): void;
}

/** Tries that nobody waits for any more may go on up to this number in a worker. */
const MAX_ABANDONED = 256;

/**
 * Connects to endpoints, for all of a worker: with a deadline, to the next endpoint when one fails, to another one
 * beside it when one is slow; the first that answers wins.
 *
 * A try that lost, or whose client left, goes on to its end, unless there are too many: otherwise an endpoint that
 * swallows connects would never be found out while hedges and impatient clients spare it the timeout.
 */
export class Dialer {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly passive: PassiveReporter;
  #abandoned = 0;

  constructor(clock: Clock, deadlines: Deadlines, passive: PassiveReporter) {
    this.clock = clock;
    this.deadlines = deadlines;
    this.passive = passive;
  }

  /** @param endpoint acquired */
  dial<O extends Opening>(request: DialRequest<O>, endpoint: EndpointState): Dial<O> {
    const dial = new Dial(this, request);
    dial.start(endpoint);
    return dial;
  }

  /** May one more try go on without anybody waiting for it? */
  abandon(): boolean {
    if (this.#abandoned >= MAX_ABANDONED) return false;
    this.#abandoned += 1;
    return true;
  }

  abandonedEnded(): void {
    this.#abandoned -= 1;
  }

  get abandoned(): number {
    return this.#abandoned;
  }
}

/** One wanted connection. */
export class Dial<O extends Opening> {
  readonly #dialer: Dialer;
  readonly #request: DialRequest<O>;
  /** Finer than a deadline: what it adds to a request's time is all that a dead endpoint costs. */
  #stopHedge: (() => void) | undefined;
  readonly #tries: Try<O>[] = [];
  readonly #tried: EndpointState[] = [];
  #failures = 0;
  #freeRefusals = 0;
  #hedged = false;
  #over = false;

  constructor(dialer: Dialer, request: DialRequest<O>) {
    this.#dialer = dialer;
    this.#request = request;
  }

  /** The endpoint of each try so far. */
  get tried(): readonly EndpointState[] {
    return this.#tried;
  }

  start(endpoint: EndpointState): void {
    const { hedgeDelayMs } = this.#request.dialLimits;
    if (hedgeDelayMs !== undefined) {
      this.#stopHedge = this.#dialer.clock.after(hedgeDelayMs, () => this.#hedgeDelayOver());
    }
    this.#try(endpoint);
  }

  /** Nobody waits for it any more; everything held is released. Idempotent, also after the end. */
  cancel(): void {
    if (this.#over) return;
    this.#end();
    for (const pending of this.#tries) pending.abandon();
  }

  #hedgeDelayOver(): void {
    if (!hedges({ pending: this.#tries.length, failures: this.#failures, hedged: this.#hedged })) return;
    const endpoint = this.#request.nextEndpoint(this.#tried);
    if (typeof endpoint === 'string') return;
    if (this.#tried.includes(endpoint)) {
      endpoint.release();
      return;
    }
    this.#hedged = true;
    this.#try(endpoint);
  }

  #try(endpoint: EndpointState): void {
    this.#tried.push(endpoint);
    this.#tries.push(new Try(this.#dialer, this, endpoint, this.#request));
  }

  /** For its tries. */
  answered(winner: Try<O>): void {
    this.#end();
    for (const other of this.#tries) if (other !== winner) other.abandon();
    this.#request.connected(winner.opening, winner.endpoint, this.#dialer.clock.now() - winner.startedMs);
  }

  /** For its tries. */
  failed(loser: Try<O>, code: ErrorCode): void {
    this.#tries.splice(this.#tries.indexOf(loser), 1);
    loser.endpoint.release();
    const next = code === 'OVERLOADED' ? undefined : this.#nextAfter(code);
    if (next !== undefined) {
      this.#try(next);
      return;
    }
    if (this.#tries.length > 0) return;
    this.#end();
    this.#request.failed(code);
  }

  /** The endpoint that a failed try is followed by, acquired; undefined: none. */
  #nextAfter(code: ErrorCode): EndpointState | undefined {
    const { dialLimits } = this.#request;
    if (dialLimits.retries === undefined) return undefined;
    const endpoint = this.#request.nextEndpoint(this.#tried);
    if (typeof endpoint === 'string') return undefined;
    const refused = code === 'UPSTREAM_CONNECT_REFUSED';
    const nextIsUntried = !this.#tried.includes(endpoint);
    if (usesUpRetry({ refused, nextIsUntried, freeRefusals: this.#freeRefusals })) {
      this.#failures += 1;
    } else {
      this.#freeRefusals += 1;
    }
    const progress = { pending: this.#tries.length, failures: this.#failures, hedged: this.#hedged };
    if (afterFailedTry(progress, dialLimits) === 'try-next') return endpoint;
    endpoint.release();
    return undefined;
  }

  #end(): void {
    this.#over = true;
    this.#stopHedge?.();
  }
}

/** One connect to one endpoint. */
class Try<O extends Opening> {
  readonly endpoint: EndpointState;
  readonly opening: O;
  readonly startedMs: number;
  readonly #dialer: Dialer;
  /** Undefined: nobody waits for it any more. */
  #dial: Dial<O> | undefined;
  readonly #tooLate = new Deadline(() => this.#fail('UPSTREAM_CONNECT_TIMEOUT'));
  #over = false;

  constructor(dialer: Dialer, dial: Dial<O>, endpoint: EndpointState, request: DialRequest<O>) {
    this.#dialer = dialer;
    this.#dial = dial;
    this.endpoint = endpoint;
    this.startedMs = dialer.clock.now();
    dialer.deadlines.set(this.#tooLate, request.dialLimits.connectMs);
    this.opening = request.open(endpoint);
    this.opening.on(openedEvent(this.opening), this.#onConnect);
    this.opening.on('error', this.#onError);
  }

  /** Its endpoint is released now; the try itself goes on, for what is to be learnt from it. */
  abandon(): void {
    this.#dial = undefined;
    this.endpoint.release();
    if (this.#dialer.abandon()) return;
    this.#end();
    this.opening.destroy();
  }

  readonly #onConnect = (): void => {
    this.#end();
    this.opening.off(openedEvent(this.opening), this.#onConnect);
    this.opening.off('error', this.#onError);
    if (this.#dial !== undefined) {
      this.#dial.answered(this);
      return;
    }
    this.#dialer.abandonedEnded();
    this.opening.destroy();
  };

  readonly #onError = (error: Error): void => {
    this.#fail(connectErrorCode(error));
  };

  #fail(code: ErrorCode): void {
    if (this.#over) return;
    this.#end();
    this.opening.destroy();
    this.#dialer.passive.failure(this.endpoint, code);
    if (this.#dial === undefined) this.#dialer.abandonedEnded();
    else this.#dial.failed(this, code);
  }

  #end(): void {
    this.#over = true;
    this.#dialer.deadlines.clear(this.#tooLate);
  }
}
