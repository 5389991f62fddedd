import type { Socket } from 'node:net';
import { cookieValue } from '../balancer/cookie-value.ts';
import type { PickFailure } from '../balancer/picker.ts';
import type { DialLimits } from '../conn/dial-plan.ts';
import type { Dial, DialRequest } from '../conn/dialer.ts';
import type { Polled } from '../conn/loop-turns.ts';
import type { ErrorCode } from '../errors.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { WaitResult } from '../upstream/wait-queue.ts';
import type { BackendStream } from './backend-stream.ts';
import { BackendConnection } from './h1/backend-connection.ts';
import { StreamClaim } from './h2/session-pool.ts';
import type { HttpWorker } from './http-worker.ts';
import type { RequestView } from './request-view.ts';
import type { RouteTarget } from './route-target.ts';

/** Who needs a place at a backend; told exactly one of these for each `seek`, perhaps before it returns. */
export interface Seeking {
  /** What a backend is to be told before anything else, on a connection that is for this request alone. */
  readonly introduction: Buffer | undefined;
  /** The endpoint's acquire goes over to the owner. @param now `Clock.now()` */
  found(stream: BackendStream, endpoint: EndpointState, now: number): void;
  /** Nothing is held any more. */
  notFound(code: ErrorCode): void;
}

const FAILURES = {
  'no-endpoints': 'NO_ENDPOINTS',
  'none-eligible': 'NO_ELIGIBLE_ENDPOINT',
  'no-weight': 'NO_WEIGHT',
  'all-full': 'ALL_ENDPOINTS_FULL',
  'queue-timeout': 'QUEUE_TIMEOUT',
} as const satisfies Record<PickFailure | 'queue-timeout', ErrorCode>;

/**
 * From a request to a connection: an endpoint that may take it, waiting in the pool's queue while all are full, then
 * an idle connection to it (for HTTP/2: a session with room), or a new one with the dialer's hedges and further tries.
 * Endpoints that failed the request before, or gave it no connection, are passed over while there are others.
 */
export class ConnectionSeeker implements DialRequest<Socket | StreamClaim>, Polled {
  readonly #worker: HttpWorker;
  readonly #owner: Seeking;
  readonly #select = {
    hashKey: 0,
    tried: [] as EndpointState[],
    maxInFlight: Infinity,
    bound: undefined as string | undefined,
  };
  #target!: RouteTarget;
  #isRepeatable = false;
  #furtherTries: number | undefined;
  #isWaitingForPoll = false;
  #leaveQueue: (() => void) | undefined;
  #dial: Dial<Socket | StreamClaim> | undefined;
  readonly #opening: BackendConnection[] = [];
  /** Connections tried for this request, idle ones included. */
  attempts = 0;

  constructor(worker: HttpWorker, owner: Seeking) {
    this.#worker = worker;
    this.#owner = owner;
  }

  /** Another request. Takes from its head what choosing an endpoint needs. */
  reset(target: RouteTarget, request: RequestView, isRepeatable: boolean): void {
    const select = this.#select;
    this.#target = target;
    this.#isRepeatable = isRepeatable;
    select.hashKey = target.hashKey(request);
    select.maxInFlight = target.maxInFlight;
    select.bound =
      target.affinity === undefined
        ? undefined
        : cookieValue(request.header('cookie') ?? '', target.affinity.name);
    if (select.tried.length > 0) select.tried = [];
  }

  /** The endpoint that the client's cookie names, if it is one of ours. */
  get bound(): string | undefined {
    return this.#select.bound;
  }

  /** It has failed the request: its next turn comes when every other one has had one. */
  exclude(endpoint: EndpointState): void {
    const { tried } = this.#select;
    if (tried.includes(endpoint)) tried.length = 0;
    tried.push(endpoint);
  }

  /** @param furtherTries see `DialLimits.retries` */
  seek(furtherTries: number | undefined, now: number): void {
    this.#furtherTries = furtherTries;
    const { turns } = this.#worker;
    if (turns.isFresh(now)) {
      this.#pick(now);
      return;
    }
    this.#isWaitingForPoll = true;
    turns.afterPoll(this);
  }

  /** Idempotent. */
  cancel(): void {
    this.#isWaitingForPoll = false;
    this.#leaveQueue?.();
    this.#leaveQueue = undefined;
    this.#dial?.cancel();
    this.#endDial();
  }

  /** All sockets have been looked at: idle connections are what they seem. */
  polled(): void {
    if (!this.#isWaitingForPoll) return;
    this.#isWaitingForPoll = false;
    this.#pick(this.#worker.clock.now());
  }

  #pick(now: number): void {
    const { selector, queue } = this.#target;
    const picked = selector.select(this.#select);
    if (typeof picked !== 'string') this.#connect(picked, now);
    else if (picked === 'all-full' && queue !== undefined) this.#lineUp();
    else this.#owner.notFound(FAILURES[picked]);
  }

  #lineUp(): void {
    const { selector, queue } = this.#target;
    const leave = selector.enqueue(this.#select, queue!, (result: WaitResult) => {
      this.#leaveQueue = undefined;
      if (typeof result === 'string') this.#owner.notFound(FAILURES[result]);
      else this.#connect(result, this.#worker.clock.now());
    });
    if (leave === 'queue-full') this.#owner.notFound('ALL_ENDPOINTS_FULL');
    else this.#leaveQueue = leave;
  }

  /** @param endpoint acquired */
  #connect(endpoint: EndpointState, now: number): void {
    const stream = this.#target.proxyOut === undefined ? this.#takeOpen(endpoint, now) : undefined;
    if (stream === undefined) {
      this.#dial = this.#worker.context.dialer.dial(this, endpoint);
      return;
    }
    this.attempts += 1;
    this.#owner.found(stream, endpoint, now);
  }

  #takeOpen(endpoint: EndpointState, now: number): BackendStream | undefined {
    const { pool, sessions } = this.#worker;
    if (endpoint.appProtocol === 'h2c') return sessions.take(endpoint);
    return pool.take(endpoint, this.#isRepeatable, now);
  }

  // ---- DialRequest ----

  get dialLimits(): DialLimits {
    const { connectMs, hedgeDelayMs } = this.#target;
    return { connectMs, hedgeDelayMs, retries: this.#furtherTries };
  }

  open(endpoint: EndpointState): Socket | StreamClaim {
    const { introduction } = this.#owner;
    if (endpoint.appProtocol === 'h2c') return this.#claim(endpoint, introduction);
    const connection = new BackendConnection(this.#worker, endpoint, introduction);
    this.#opening.push(connection);
    return connection.socket;
  }

  #claim(endpoint: EndpointState, introduction: Buffer | undefined): StreamClaim {
    const { sessions } = this.#worker;
    const { connectMs } = this.#target;
    if (introduction === undefined) return sessions.claim(endpoint, connectMs);
    return sessions.claimAlone(endpoint, connectMs, introduction);
  }

  nextEndpoint(tried: readonly EndpointState[]): EndpointState | PickFailure {
    const { hashKey, maxInFlight } = this.#select;
    const all = [...this.#select.tried, ...tried];
    return this.#target.selector.select({ hashKey, maxInFlight, bound: undefined, tried: all });
  }

  connected(opened: Socket | StreamClaim, endpoint: EndpointState): void {
    const stream = opened instanceof StreamClaim ? opened.stream! : this.#opened(opened);
    for (const other of this.#dial?.tried ?? []) if (other !== endpoint) this.exclude(other);
    this.#endDial();
    this.#owner.found(stream, endpoint, this.#worker.clock.now());
  }

  #opened(socket: Socket): BackendConnection {
    const connection = this.#opening.find((opening) => opening.socket === socket)!;
    connection.opened();
    return connection;
  }

  failed(code: ErrorCode): void {
    this.#endDial();
    this.#owner.notFound(code);
  }

  #endDial(): void {
    if (this.#dial === undefined) return;
    this.attempts += this.#dial.tried.length;
    this.#dial = undefined;
    this.#opening.length = 0;
  }
}
