import { EventEmitter } from 'node:events';
import type { Opening } from '../../conn/dialer.ts';
import type { EndpointState } from '../../state/endpoint-state.ts';
import type { HttpWorker } from '../http-worker.ts';
import { BackendSession, type SessionOwner } from './backend-session.ts';
import type { SessionStream } from './session-stream.ts';

/** Streams that a session is thought to take before one has said so; no server should take fewer (RFC 9113 section 6.5.2). */
const EXPECTED_STREAMS = 100;

/**
 * HTTP/2 sessions of one worker, by endpoint. Requests share a session as long as it has room for their streams; when
 * none has, one more is opened, for all requests that wait for it together.
 */
export class SessionPool {
  readonly #worker: HttpWorker;
  readonly #endpoints = new Map<EndpointState, EndpointSessions>();

  constructor(worker: HttpWorker) {
    this.#worker = worker;
  }

  /** Sessions without a stream. */
  get idle(): number {
    let idle = 0;
    for (const { sessions } of this.#endpoints.values()) {
      for (const session of sessions) if (session.isIdle) idle += 1;
    }
    return idle;
  }

  /** A stream on a session that is open. */
  take(endpoint: EndpointState): SessionStream | undefined {
    return this.#endpoints.get(endpoint)?.take();
  }

  /** Waits for a stream, on a session that is about to open. @param connectMs how long a new one may take to open */
  claim(endpoint: EndpointState, connectMs: number): StreamClaim {
    let known = this.#endpoints.get(endpoint);
    if (known === undefined) {
      known = new EndpointSessions(this.#worker, endpoint, () => this.#endpoints.delete(endpoint));
      this.#endpoints.set(endpoint, known);
    }
    return known.claim(connectMs);
  }

  /** A stream on a session of its own, which begins by saying whose it is. */
  claimAlone(endpoint: EndpointState, connectMs: number, introduction: Buffer): StreamClaim {
    return new EndpointSessions(this.#worker, endpoint, () => {}, introduction).claim(connectMs);
  }

  /**
   * Sessions to endpoints that are no more, or that are spoken to in another way now, take nothing new and end with
   * their last stream.
   */
  prune(): void {
    for (const { sessions } of this.#endpoints.values()) {
      for (const session of sessions) if (!session.isCurrent) session.retire();
    }
  }

  close(): void {
    for (const { sessions } of this.#endpoints.values()) for (const session of sessions) session.destroy();
  }
}

/** What a request holds while it waits for a stream: `connect` says that `stream` is there. */
export class StreamClaim extends EventEmitter<{ connect: []; error: [Error] }> implements Opening {
  /** Reserved for this request. */
  stream: SessionStream | undefined;
  readonly #sessions: EndpointSessions;

  constructor(sessions: EndpointSessions) {
    super();
    this.#sessions = sessions;
  }

  destroy(): void {
    this.#sessions.withdraw(this);
    this.stream?.destroy();
  }
}

/** All sessions to one endpoint, and the requests that wait for a stream on one of them. */
class EndpointSessions implements SessionOwner {
  readonly sessions = new Set<BackendSession>();
  readonly #worker: HttpWorker;
  readonly #endpoint: EndpointState;
  readonly #emptied: () => void;
  readonly #introduction: Buffer | undefined;
  readonly #claims = new Set<StreamClaim>();
  #connectMs = 0;
  /** What the last session took. */
  #expected = EXPECTED_STREAMS;

  constructor(worker: HttpWorker, endpoint: EndpointState, emptied: () => void, introduction?: Buffer) {
    this.#worker = worker;
    this.#endpoint = endpoint;
    this.#emptied = emptied;
    this.#introduction = introduction;
  }

  take(): SessionStream | undefined {
    for (const session of this.sessions) if (session.hasRoom) return session.openStream();
    return undefined;
  }

  get #hasRoom(): boolean {
    for (const session of this.sessions) if (session.hasRoom) return true;
    return false;
  }

  claim(connectMs: number): StreamClaim {
    const claim = new StreamClaim(this);
    this.#claims.add(claim);
    this.#connectMs = connectMs;
    // Not before somebody listens.
    process.nextTick(() => this.roomFreed());
    if (!this.#hasRoom) this.#openForClaims();
    return claim;
  }

  /** Nobody waits for it any more. What nobody waits for is not opened. */
  withdraw(claim: StreamClaim): void {
    if (!this.#claims.delete(claim) || this.#claims.size > 0) return;
    for (const session of this.sessions) if (session.isOpening) session.destroy();
  }

  #openForClaims(): void {
    let coming = 0;
    for (const { isOpening } of this.sessions) if (isOpening) coming += this.#expected;
    for (; coming < this.#claims.size; coming += this.#expected) {
      const introduction = this.#introduction;
      this.sessions.add(
        new BackendSession(this.#worker, this.#endpoint, this, { connectMs: this.#connectMs, introduction }),
      );
    }
  }

  // ---- SessionOwner ----

  opened({ maxStreams }: BackendSession): void {
    this.#expected = maxStreams;
    this.roomFreed();
  }

  roomFreed(): void {
    for (const claim of this.#claims) {
      claim.stream = this.take();
      if (claim.stream === undefined) break;
      this.#claims.delete(claim);
      claim.emit('connect');
    }
    this.#openForClaims();
  }

  retired(): void {
    this.#openForClaims();
  }

  closed(session: BackendSession, openError: Error | undefined): void {
    this.sessions.delete(session);
    if (openError === undefined || this.#isMoreComing) this.#openForClaims();
    else this.#giveUp(openError);
    if (this.sessions.size === 0) this.#emptied();
  }

  get #isMoreComing(): boolean {
    for (const { isOpening } of this.sessions) if (isOpening) return true;
    return false;
  }

  #giveUp(error: Error): void {
    const claims = [...this.#claims];
    this.#claims.clear();
    for (const claim of claims) claim.emit('error', error);
  }
}
