import type { ErrorCode } from '../errors.ts';
import type { RouteTarget } from './route-target.ts';

/** Which limit a request has run into first. */
export type LimitReached = 'body-match' | 'request' | 'attempt' | 'response-head' | 'stall';

/**
 * The times by which a request must have got somewhere, as `Clock.now()`; Infinity: that limit does not bind now.
 * Pure bookkeeping: `ExchangeTimer` asks for the next of them and sets its deadline by it.
 */
export class ExchangeLimits {
  #bodyMatchBy = Infinity;
  #requestBy = Infinity;
  #attemptBy = Infinity;
  #headBy = Infinity;
  #stallBy = Infinity;
  #sentAt = 0;

  reset(): void {
    this.#bodyMatchBy = Infinity;
    this.#requestBy = Infinity;
    this.#attemptBy = Infinity;
    this.#headBy = Infinity;
    this.#stallBy = Infinity;
  }

  /** The next of them. */
  get next(): number {
    return Math.min(this.#bodyMatchBy, this.#requestBy, this.#attemptBy, this.#headBy, this.#stallBy);
  }

  /** Undefined: none. */
  reached(now: number): LimitReached | undefined {
    if (this.#bodyMatchBy <= now) return 'body-match';
    if (this.#requestBy <= now) return 'request';
    if (this.#attemptBy <= now) return 'attempt';
    if (this.#headBy <= now) return 'response-head';
    return this.#stallBy <= now ? 'stall' : undefined;
  }

  /** Nothing is known of its route until its body can be read. */
  bodyMatchBegins(timeoutMs: number, now: number): void {
    this.#bodyMatchBy = now + timeoutMs;
  }

  bodyMatchEnds(): void {
    this.#bodyMatchBy = Infinity;
  }

  requestBegins(target: RouteTarget, now: number): void {
    this.#requestBy = now + target.requestMs;
  }

  /** A try is sent, `isWhole` with all of the body. */
  attemptBegins(target: RouteTarget, now: number, isWhole: boolean): void {
    this.#sentAt = now;
    this.#attemptBy = now + Math.min(target.backendRequestMs, target.perTryMs);
    if (isWhole) this.requestSent(target, now);
    else {
      this.#headBy = Infinity;
      this.#stallBy = now + target.idleMs;
    }
  }

  /** From here on the backend owes an answer. */
  requestSent(target: RouteTarget, now: number): void {
    this.#headBy = now + target.responseHeaderMs;
    this.#stallBy = Infinity;
  }

  /** The try did not lead to a response; the request has its own limit still. */
  attemptEnds(): void {
    this.#attemptBy = Infinity;
    this.#headBy = Infinity;
    this.#stallBy = Infinity;
  }

  /** The head of the response has come, and with that the end of what `perTryTimeout` and `responseHeader` bind. */
  responseBegins(target: RouteTarget): void {
    this.#headBy = Infinity;
    this.#attemptBy = this.#sentAt + target.backendRequestMs;
  }

  /** A body, or what a tunnel carries, has moved. */
  moved(target: RouteTarget, now: number): void {
    this.#stallBy = now + target.idleMs;
  }

  /** A tunnel lives as long as it moves. */
  tunnelBegins(): void {
    this.reset();
  }
}

/** Who has kept a body from moving: whoever is full and takes no more of it, else whoever owes it. */
export function stallCode(body: {
  /** The request's, not the response's. */
  readonly isRequest: boolean;
  readonly isBackendFull: boolean;
  readonly isClientFull: boolean;
}): ErrorCode {
  if (body.isRequest) return body.isBackendFull ? 'UPSTREAM_IDLE' : 'DOWNSTREAM_BODY_TIMEOUT';
  return body.isClientFull ? 'DOWNSTREAM_IDLE' : 'UPSTREAM_IDLE';
}
