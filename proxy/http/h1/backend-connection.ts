import type { Socket } from 'node:net';
import { connectEndpoint } from '../../conn/connect-endpoint.ts';
import { Deadline } from '../../conn/deadlines.ts';
import { letGo } from '../../conn/let-go.ts';
import { Sent } from '../../conn/sender.ts';
import type { ErrorCode } from '../../errors.ts';
import type { EndpointState } from '../../state/endpoint-state.ts';
import type { BackendOwner, BackendStream } from '../backend-stream.ts';
import type { ClientContext } from '../../tls/client-context.ts';
import type { HttpWorker } from '../http-worker.ts';
import type { RequestBody } from '../request-body.ts';
import { type BodyPiece, BodyRelay } from './body-relay.ts';
import { INCOMPLETE, REFUSED, responseError } from './fault.ts';
import { MAX_INTERIM } from './limits.ts';
import { PartialHead } from './partial-head.ts';
import type { ResponseHead } from './response-head.ts';

const State = { Opening: 0, Idle: 1, Head: 2, Body: 3, Tunnel: 4, Closed: 5 } as const;

/** A read of this size means there is more to come: read into a larger buffer that can be written uncopied. */
const BULK_BYTES = 32_768;
const QUIET_BYTES = 8_192;

const DEFAULT_IDLE_MS = 30_000;
const MAX_IDLE_MS = 300_000;
/** How long before the announced end a kept connection is given up. */
const MARGIN_MS = 1_000;

/** One HTTP/1.1 connection to an endpoint: idle, or busy with one request of its owner. */
export class BackendConnection implements BackendStream {
  readonly protocol = 'HTTP/1.1';
  readonly mayRefuse = false;
  readonly mayTunnel = true;
  readonly endpoint: EndpointState;
  readonly socket: Socket;
  /** When it became idle. */
  idleSince = 0;
  /** As long as it may be idle, for any request. */
  maxIdleMs = DEFAULT_IDLE_MS;
  /** The backend said so. */
  announcesIdle = false;

  readonly #worker: HttpWorker;
  /** What its TLS was settled by; undefined: it is in clear. */
  readonly tls: ClientContext | undefined;
  readonly #deadline = new Deadline(() => this.#idleTooLong());
  readonly #relay: BodyRelay;
  #state: number = State.Opening;
  #owner: BackendOwner | undefined;
  #method = '';
  #requests = 0;
  /** The last request has been sent whole. */
  #isRequestDone = true;
  #isReusable = true;
  #isLastRequest = false;
  #interims = 0;
  #partial: PartialHead | undefined;
  #bulk: Buffer | undefined;
  #wantsBulk = false;
  #isBulkFree = true;

  /**
   * Begins to connect. `opened` says that it has.
   * @param introduction says whose connection it is, before anything else: it serves one request then
   */
  constructor(worker: HttpWorker, endpoint: EndpointState, introduction: Buffer | undefined) {
    this.#worker = worker;
    this.endpoint = endpoint;
    this.#relay = new BodyRelay(worker.ranges);
    this.tls = endpoint.tls;
    this.socket = connectEndpoint(endpoint, {
      introduction,
      protocols: ['http/1.1'],
      allowHalfOpen: true,
      onread: {
        buffer: () => this.#readBuffer(),
        callback: (length) => {
          this.#onRead(length);
          return true;
        },
      },
    });
    this.socket.on('end', () => this.#onEnd());
    this.socket.on('drain', () => this.#owner?.drained());
    this.socket.on('error', (error) => this.#onError(error));
    this.socket.on('close', () => this.#onError(undefined));
    if (introduction !== undefined) this.useOnce();
    worker.backendConnections += 1;
    this.socket.once('close', () => {
      worker.backendConnections -= 1;
      letGo(this.socket);
    });
  }

  opened(): void {
    this.#state = State.Idle;
  }

  /** Is it to its endpoint as that is spoken to now, with the same TLS? */
  get isCurrent(): boolean {
    return !this.endpoint.isGone && this.tls === this.endpoint.tls;
  }

  /** Did an earlier request use it? */
  get isReused(): boolean {
    return this.#requests > 1;
  }

  /** A response, or part of one, has come for the request. */
  get hasAnswered(): boolean {
    return this.#state === State.Body || this.#partial !== undefined;
  }

  /** Begins a request. What follows goes to the owner, until `responded`, `broke` or `destroy`. */
  begin(owner: BackendOwner, method: string): void {
    this.#owner = owner;
    this.#method = method;
    this.#requests += 1;
    this.#interims = 0;
    this.#isRequestDone = false;
    this.#state = State.Head;
  }

  /** The connection serves no other request after this one. */
  useOnce(): void {
    this.#isLastRequest = true;
  }

  /** A piece of the request, perhaps with its head; complete when the piece is `done`. */
  send(head: string, bytes: Buffer, piece: BodyPiece, keeps: boolean): Sent {
    const { sender } = this.#worker;
    if (this.#state === State.Tunnel) return sender.sendAlone(this.socket, bytes, piece, keeps);
    this.#isRequestDone = piece.done;
    return sender.send(this.socket, head, bytes, piece, keeps);
  }

  /** Sends a head and what was held of the body. */
  sendHeld(head: string, body: RequestBody, isLast: boolean): Sent {
    this.#isRequestDone = isLast;
    return this.#worker.sender.sendAll(this.socket, head, body.parts);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    if (this.#state !== State.Closed) this.socket.resume();
  }

  /** Ends its side of a tunnel. */
  endTunnel(): void {
    this.socket.end();
  }

  /** The owner hears nothing more. Idempotent. */
  destroy(): void {
    if (this.#state === State.Closed) return;
    if (this.#state === State.Idle) this.#worker.pool.remove(this);
    this.#state = State.Closed;
    this.#owner = undefined;
    this.#worker.deadlines.clear(this.#deadline);
    this.socket.destroy();
  }

  // ---- what comes from the backend ----

  #readBuffer(): Buffer {
    const { buffers } = this.#worker;
    if (!this.#wantsBulk) {
      if (this.#bulk !== undefined && this.#isBulkFree) buffers.giveBack(this.#bulk);
      this.#bulk = undefined;
      return buffers.shared;
    }
    if (this.#bulk === undefined || !this.#isBulkFree) this.#bulk = buffers.take();
    return this.#bulk;
  }

  #onRead(length: number): void {
    const { shared } = this.#worker.buffers;
    const bytes = this.#bulk ?? shared;
    this.#isBulkFree = true;
    this.#onBytes(bytes, length, bytes !== shared);
    const isBulk = this.#state === State.Body && !this.#relay.isCopied;
    this.#wantsBulk = isBulk && length >= (this.#wantsBulk ? QUIET_BYTES : BULK_BYTES);
  }

  #onBytes(bytes: Buffer, end: number, keeps: boolean): void {
    let pos = 0;
    while (pos < end) {
      switch (this.#state) {
        case State.Head:
          pos = this.#readHead(bytes, pos, end, keeps);
          break;
        case State.Body:
          pos = this.#readBody(bytes, pos, end, keeps);
          break;
        case State.Tunnel:
          this.#relay.read(bytes, pos, end);
          this.#pass(this.#owner!.tunnelled(bytes, this.#relay, keeps));
          return;
        case State.Idle:
          // Nobody asked for anything: whoever came next would take it for an answer.
          this.#worker.discarded += 1;
          this.destroy();
          return;
        default:
          return;
      }
    }
  }

  /** Answers the position behind the head and the first piece of its body; `end` when there is nothing more to do. */
  #readHead(bytes: Buffer, start: number, end: number, keeps: boolean): number {
    const head = this.#worker.responseHead;
    let source = bytes;
    let from = start;
    let to = end;
    if (this.#partial !== undefined) {
      if (!this.#partial.add(bytes, start, end)) return end;
      source = this.#partial.bytes;
      from = 0;
      to = this.#partial.length;
    }
    const taken = head.parse(source, from, to, this.#method);
    if (taken === REFUSED) return this.#break(responseError(head.fault), head.fault, end);
    if (taken === INCOMPLETE) {
      if (this.#partial === undefined) {
        this.#partial = new PartialHead();
        this.#partial.add(bytes, start, end);
      }
      return end;
    }
    this.#partial = undefined;
    const body = end - (to - (from + taken));
    if (head.status < 200) return this.#readInterim(head, body, end);
    return this.#beginBody(head, bytes, body, end, keeps);
  }

  #readInterim(head: ResponseHead, pos: number, end: number): number {
    if (head.status === 101) {
      if (!head.websocket || this.#owner?.switches(head) !== true) {
        return this.#break('UPSTREAM_PROTOCOL', 'switches to a protocol that was not asked for', end);
      }
      this.#state = State.Tunnel;
      this.#relay.reset('until-close', 0, 'until-close');
      return pos;
    }
    this.#interims += 1;
    if (this.#interims > MAX_INTERIM)
      return this.#break('UPSTREAM_PROTOCOL', 'too many interim responses', end);
    this.#owner!.interim(head);
    return this.#state === State.Head ? pos : end;
  }

  #beginBody(head: ResponseHead, bytes: Buffer, pos: number, end: number, keeps: boolean): number {
    this.#readKeepAlive(head);
    const framing = this.#owner!.response(head);
    if (framing === undefined) {
      this.destroy();
      return end;
    }
    this.#state = State.Body;
    this.#relay.reset(head.body, head.contentLength, framing);
    return this.#readBody(bytes, pos, end, keeps);
  }

  #readBody(bytes: Buffer, pos: number, end: number, keeps: boolean): number {
    const relay = this.#relay;
    const taken = relay.read(bytes, pos, end);
    if (taken === REFUSED) return this.#break('UPSTREAM_PROTOCOL', relay.fault, end);
    this.#pass(this.#owner!.piece(bytes, relay, keeps));
    if (this.#state !== State.Body) return end;
    if (!relay.done) return pos + taken;
    this.#complete(pos + taken === end);
    return end;
  }

  #pass(sent: Sent): void {
    if (sent !== Sent.Flushed) this.#isBulkFree = false;
    if (sent === Sent.Full && this.#state !== State.Closed) this.socket.pause();
  }

  #readKeepAlive(head: ResponseHead): void {
    this.#isReusable = head.keepAlive && !this.#isLastRequest;
    this.announcesIdle = head.keepAliveTimeout >= 0;
    this.maxIdleMs = this.announcesIdle
      ? Math.min(head.keepAliveTimeout * 1_000 - MARGIN_MS, MAX_IDLE_MS)
      : DEFAULT_IDLE_MS;
  }

  /** `isClean`: no byte came after the response. A request that was not sent whole leaves the backend in the middle of it. */
  #complete(isClean: boolean): void {
    const owner = this.#owner!;
    this.#owner = undefined;
    if (isClean && this.#isReusable && this.#isRequestDone && this.maxIdleMs > 0) {
      this.#state = State.Idle;
      this.socket.resume();
      this.#worker.deadlines.set(this.#deadline, this.maxIdleMs);
      this.#worker.pool.put(this, this.#worker.clock.now());
    } else this.destroy();
    owner.responded();
  }

  #onEnd(): void {
    if (this.#state === State.Tunnel) {
      this.#owner!.tunnelEnded();
      return;
    }
    if (this.#state === State.Body && this.#relay.end()) {
      this.#owner!.piece(this.#worker.buffers.shared, this.#relay, false);
      this.#isReusable = false;
      if (this.#state === State.Body) this.#complete(true);
      return;
    }
    this.#lost('closed by the backend');
  }

  #onError(error: Error | undefined): void {
    // The dialer sees to a connection that is not open yet.
    if (this.#state === State.Opening) return;
    this.#lost(error?.message ?? 'closed');
  }

  #lost(detail: string): void {
    if (this.#state === State.Idle || this.#state === State.Closed) {
      this.destroy();
      return;
    }
    const isStale = this.isReused && !this.hasAnswered && this.#state === State.Head;
    this.#break(isStale ? 'UPSTREAM_STALE_CONNECTION' : 'UPSTREAM_RESET', detail, 0);
  }

  #break(code: ErrorCode, detail: string, end: number): number {
    const owner = this.#owner;
    this.destroy();
    owner?.broke(code, detail);
    return end;
  }

  #idleTooLong(): void {
    if (this.#state !== State.Idle) return;
    const idle = this.#worker.clock.now() - this.idleSince;
    if (idle >= this.maxIdleMs) this.destroy();
    else this.#worker.deadlines.set(this.#deadline, this.maxIdleMs - idle);
  }
}
