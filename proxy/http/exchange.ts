import { furtherConnects } from '../conn/dial-plan.ts';
import { Sent } from '../conn/sender.ts';
import type { ErrorCode } from '../errors.ts';
import { formatProxyHeader } from '../listen/proxy-protocol.ts';
import type { BodyBytes } from '../routing/body-match.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { LeavingEndpoints } from '../upstream/leaving-endpoints.ts';
import { type Admission, admit, type LocalAnswer, MISDIRECTED, SHED } from './admit.ts';
import type { BackendOwner, BackendStream } from './backend-stream.ts';
import { BodyWait } from './body-wait.ts';
import type { ClientStream } from './client-stream.ts';
import { ConnectionSeeker, type Seeking } from './connection-seeker.ts';
import { stallCode } from './exchange-limits.ts';
import { ExchangeTimer } from './exchange-timer.ts';
import type { BodyFraming, BodyRelay } from './h1/body-relay.ts';
import type { RequestHead } from './h1/request-head.ts';
import type { ResponseHead } from './h1/response-head.ts';
import { grpcEnd, grpcReply, isGrpcCall, isGrpcContent, isPastDeadline } from './grpc.ts';
import type { HttpWorker } from './http-worker.ts';
import { RelayedRequest } from './relayed-request.ts';
import { type Reply, replyFor } from './replies.ts';
import { RequestAccount } from './request-account.ts';
import { mayRepeat, mayRepeatStatus, mayResend } from './retry.ts';
import type { HttpRouteTable, HttpRule, RouteTarget } from './route-target.ts';
import { acceptsWebSocket } from './upgrade.ts';

const State = {
  Over: 0,
  /** Reading the body that decides on the route. */
  Matching: 1,
  /** For a connection. */
  Seeking: 2,
  /** Sent, perhaps not whole. */
  Sent: 3,
  Responding: 4,
  Tunnel: 5,
} as const;

const NOTHING = Buffer.alloc(0);

/**
 * One request and its response: routed, sent to an endpoint, tried again where that is right, timed and accounted
 * for. The client's connection is on one side, a backend's on the other; neither knows the other. Reused from one
 * request to the next, and from one client to the next.
 *
 * Reads from top to bottom as a request goes: begin, found, response, responded.
 */
export class Exchange implements BackendOwner, Seeking {
  readonly #worker: HttpWorker;
  #client!: ClientStream;
  readonly #timer: ExchangeTimer;
  readonly #account = new RequestAccount();
  readonly #request = new RelayedRequest();
  readonly #seeker: ConnectionSeeker;

  #state: number = State.Over;
  #table: HttpRouteTable | undefined;
  #target: RouteTarget | undefined;
  #bodyWait: BodyWait | undefined;
  #endpoint: EndpointState | undefined;
  #connection: BackendStream | undefined;
  #sentAt = 0;
  /** Nothing of the request was to come from the client when the attempt began. */
  #isWholeAttempt = false;
  /** How a response goes on that may yet end in trailers. */
  #openFraming: BodyFraming = 'none';
  #isClientFull = false;
  #isBackendFull = false;
  #tunnelEnds = 0;

  constructor(worker: HttpWorker) {
    this.#worker = worker;
    this.#timer = new ExchangeTimer(worker, () => this.#expired());
    this.#seeker = new ConnectionSeeker(worker, this);
  }

  /** Whose requests it serves from now on. */
  serve(client: ClientStream): this {
    this.#client = client;
    return this;
  }

  // ---- the request ----

  /**
   * A request begins, with the first piece of its body. False: no more of the body until `resume`. `ended` may be
   * called before it returns.
   */
  begin(head: RequestHead, table: HttpRouteTable, bytes: Buffer, relay: BodyRelay): boolean {
    this.#reset(head, relay);
    this.#table = table;
    this.#request.begin(bytes, relay);
    this.#proceed(head, this.#admit(head, table), this.#account.startedAt);
    if (this.#request.releaseFirst() && this.#state !== State.Over) this.#hold(bytes, relay);
    return relay.done || this.#takesBody;
  }

  #admit(head: RequestHead, table: HttpRouteTable): Admission {
    const { context } = this.#worker;
    if (context.table.isShedding) return SHED;
    const { tls } = this.#client;
    return tls === undefined || tls.reaches(head.hostname)
      ? admit(head, table, context.rateTable)
      : MISDIRECTED;
  }

  #reset(head: RequestHead, relay: BodyRelay): void {
    this.#worker.exchanges += 1;
    this.#state = State.Seeking;
    this.#target = undefined;
    this.#openFraming = 'none';
    this.#account.begin(head, this.#worker.clock.now());
    this.#account.bytesIn = relay.content;
    this.#seeker.attempts = 0;
    this.#isClientFull = false;
    this.#isBackendFull = false;
    this.#timer.limits.reset();
  }

  #proceed(head: RequestHead, admission: Admission, now: number): void {
    switch (admission.kind) {
      case 'rule':
        this.#start(head, admission, now);
        return;
      case 'answer':
        this.#answer(head, admission);
        return;
      case 'needs-body':
        this.#state = State.Matching;
        this.#bodyWait = new BodyWait(head.keep(), admission);
        this.#timer.limits.bodyMatchBegins(admission.timeoutMs, now);
        this.#timer.arm(now);
        if (head.expectsContinue) this.#client.sendContinue();
        return;
    }
  }

  /** It is known where it goes. Everything that is needed of the head is taken from it here. */
  #start(head: RequestHead, rule: HttpRule, now: number): void {
    const target = rule.payload;
    const { requestId } = this.#identify(head);
    this.#target = target;
    const { tls } = this.#client;
    const origin = this.#client.forwardedLines(head);
    this.#request.take(head, rule, tls === undefined ? origin : origin + tls.lines, requestId);
    if (this.#isTooLarge) {
      this.#fail('DOWNSTREAM_BODY_TOO_LARGE');
      return;
    }
    this.#seeker.reset(target, head, this.#request.isIdempotent);
    target.budget.countRequest(this.#account.startedAt);
    this.#timer.limits.requestBegins(target, this.#account.startedAt);
    this.#seek(now);
  }

  #identify(head: RequestHead): RequestAccount {
    const account = this.#account;
    // Looked up for the log alone: what is passed on is copied with the other lines.
    if (!head.hasRequestId) account.requestId = this.#worker.nextRequestId();
    else if (this.#worker.context.accessLog !== undefined) account.requestId = head.header('x-request-id')!;
    return account;
  }

  /** A further piece of the body. False: no more until `resume`. */
  requestPiece(bytes: Buffer, relay: BodyRelay): boolean {
    this.#request.advance(relay);
    this.#account.bytesIn = relay.content;
    if (this.#isTooLarge && this.#state !== State.Over) this.#fail('DOWNSTREAM_BODY_TOO_LARGE');
    else if (this.#connection !== undefined) this.#sendPiece(this.#connection, bytes, relay);
    else if (this.#state !== State.Over) this.#hold(bytes, relay);
    return relay.done || this.#takesBody;
  }

  /** A body without a length shows its size as it comes. */
  get #isTooLarge(): boolean {
    return this.#target !== undefined && this.#account.bytesIn > this.#target.maxBodyBytes;
  }

  get #takesBody(): boolean {
    return this.#state !== State.Seeking && !this.#isBackendFull;
  }

  #sendPiece(connection: BackendStream, bytes: Buffer, relay: BodyRelay): void {
    const target = this.#target!;
    this.#isBackendFull = this.#request.sendPiece(connection, bytes, relay) === Sent.Full;
    if (relay.done && this.#state === State.Sent) {
      const now = this.#worker.clock.now();
      this.#timer.limits.requestSent(target, now);
      this.#timer.arm(now);
    } else this.#timer.limits.moved(target, this.#worker.deadlines.coarseNow);
  }

  /** Holds what comes before there is a connection; the client pauses after each piece, so this is bounded. */
  #hold(bytes: Buffer, relay: BodyRelay): void {
    this.#request.hold(bytes, relay);
    const wait = this.#bodyWait;
    const body = wait?.read(this.#request, relay.content, relay.done);
    if (body !== undefined) this.#match(wait!, body);
  }

  #match({ head }: BodyWait, body: BodyBytes): void {
    this.#bodyWait = undefined;
    this.#state = State.Seeking;
    this.#timer.limits.bodyMatchEnds();
    // The client has been told to go on.
    head.expectsContinue = false;
    const { context, clock } = this.#worker;
    this.#proceed(head, admit(head, this.#table!, context.rateTable, body), clock.now());
  }

  // ---- an attempt ----

  #seek(now: number): void {
    this.#timer.arm(now);
    this.#seeker.seek(furtherConnects(this.#request.retries, this.#target!.retries), now);
  }

  get introduction(): Buffer | undefined {
    const { proxyOut } = this.#target!;
    return proxyOut === undefined ? undefined : formatProxyHeader(proxyOut, this.#client.parties);
  }

  found(connection: BackendStream, endpoint: EndpointState, now: number): void {
    this.#endpoint = endpoint;
    this.#connection = connection;
    this.#account.upstreamProtocol = connection.protocol;
    this.#state = State.Sent;
    this.#sentAt = now;
    this.#isWholeAttempt = this.#request.isDone;
    this.#timer.limits.attemptBegins(this.#target!, now, this.#isWholeAttempt);
    if (this.#request.webSocketKey !== undefined && !connection.mayTunnel) {
      this.#fail('DOWNSTREAM_NOT_IMPLEMENTED');
      return;
    }
    this.#timer.arm(now);
    connection.begin(this, this.#account.method);
    this.#isBackendFull = this.#request.sendStart(connection) === Sent.Full;
    if (!this.#request.isDone && !this.#isBackendFull) this.#client.resume();
  }

  notFound(code: ErrorCode): void {
    this.#fail(code);
  }

  drained(): void {
    this.#isBackendFull = false;
    this.#timer.limits.moved(this.#target!, this.#worker.deadlines.coarseNow);
    this.#client.resume();
  }

  // ---- the response ----

  interim(head: ResponseHead): void {
    this.#client.interim(head);
  }

  response(head: ResponseHead): BodyFraming | undefined {
    const { context, clock } = this.#worker;
    const target = this.#target!;
    const endpoint = this.#endpoint!;
    if (mayRepeatStatus(head.status, this.#request, target.retries) && this.#hasBudget()) {
      context.passive.errorStatus(endpoint, head.status);
      this.#retry();
      return undefined;
    }
    const now = clock.now();
    endpoint.observeLatency(now - this.#sentAt, now);
    this.#state = State.Responding;
    this.#account.answered(head.status, now);
    this.#timer.limits.responseBegins(target);
    const framing = this.#client.startResponse(head, this.#bindingLine(target, endpoint), target);
    if (this.#account.upstreamProtocol === 'HTTP/2') this.#beginFrames(head, framing);
    return framing;
  }

  #beginFrames(head: ResponseHead, framing: BodyFraming): void {
    const { lines } = head;
    if (head.body === 'chunked') this.#openFraming = framing;
    this.#account.readGrpcStatus(lines.text(lines.lineStart(0), lines.end));
    // It is not sent again: what is held of a stream that goes on would be held as long as that does.
    if (!this.#request.isDone) this.#request.dropBody();
  }

  /** Set-Cookie for a client that is not bound to an endpoint yet. */
  #bindingLine({ affinity, selector }: RouteTarget, endpoint: EndpointState): string {
    if (affinity === undefined || !selector.rebinds(this.#seeker.bound)) return '';
    return `Set-Cookie: ${affinity.setCookie(endpoint, this.#client.isSecure)}\r\n`;
  }

  piece(bytes: Buffer, relay: BodyRelay, keeps: boolean): Sent {
    this.#account.bytesOut = relay.content;
    const sent = this.#client.send(bytes, relay, keeps);
    this.#isClientFull = sent === Sent.Full;
    if (!relay.done) this.#timer.moved(this.#target!);
    else if (relay.trailers !== '') this.#account.readGrpcStatus(relay.trailers);
    return sent;
  }

  clientDrained(): void {
    if (this.#connection === undefined) return;
    this.#isClientFull = false;
    this.#timer.moved(this.#target!);
    this.#connection.resume();
  }

  responded(): void {
    const { passive } = this.#worker.context;
    this.#connection = undefined;
    if (this.#account.status >= 500) passive.errorStatus(this.#endpoint!, this.#account.status);
    else passive.success(this.#endpoint!);
    this.#end(undefined);
  }

  // ---- a tunnel ----

  switches(head: ResponseHead): boolean {
    const { webSocketKey } = this.#request;
    if (webSocketKey === undefined || !acceptsWebSocket(head, webSocketKey)) return false;
    const { context, clock } = this.#worker;
    this.#state = State.Tunnel;
    this.#tunnelEnds = 0;
    this.#account.answered(101, clock.now());
    this.#timer.limits.tunnelBegins();
    this.#timer.moved(this.#target!);
    context.passive.success(this.#endpoint!);
    this.#client.switchProtocols(head);
    return true;
  }

  /** From the backend. */
  tunnelled(bytes: Buffer, relay: BodyRelay, keeps: boolean): Sent {
    this.#account.bytesOut = relay.content;
    this.#timer.moved(this.#target!);
    return this.#client.send(bytes, relay, keeps);
  }

  /** From the client. False: no more until `resume`. */
  tunnel(bytes: Buffer, relay: BodyRelay): boolean {
    this.#account.bytesIn = relay.content;
    this.#timer.moved(this.#target!);
    return this.#connection!.send('', bytes, relay, false) !== Sent.Full;
  }

  tunnelEnded(): void {
    this.#client.endTunnel();
    this.#endHalf();
  }

  /** Half of it is over; the other half goes on until it ends, too. */
  #endHalf(): void {
    this.#tunnelEnds += 1;
    if (this.#tunnelEnds < 2) return;
    this.#dropConnection();
    this.#end(undefined);
  }

  // ---- when things go wrong ----

  broke(code: ErrorCode, detail: string): void {
    const { log, passive } = this.#worker.context;
    this.#connection = undefined;
    const elapsedMs = this.#worker.clock.now() - this.#account.startedAt;
    // A server resets a call whose time is over, and may be the first to find out.
    if (code === 'UPSTREAM_RESET' && isPastDeadline(this.#request.head, elapsedMs)) code = 'CALL_DEADLINE';
    passive.failure(this.#endpoint!, code);
    if (log.isLevelEnabled('debug'))
      log.debug({ endpoint: this.#endpoint!.key, code, detail }, 'attempt failed');
    this.#afterFailure(code);
  }

  #timedOut(code: ErrorCode): void {
    const isOwed = code !== 'UPSTREAM_TRY_TIMEOUT' || this.#isAttemptOwed;
    this.#dropConnection();
    if (isOwed) this.#worker.context.passive.failure(this.#endpoint!, code);
    this.#afterFailure(code);
  }

  /**
   * Is it the endpoint that has used up the attempt's time? Not for certain while a client sends or reads: slow ones
   * must not be able to take endpoints out.
   */
  get #isAttemptOwed(): boolean {
    return this.#state === State.Sent && (this.#isWholeAttempt || this.#isBackendFull);
  }

  /** The connection is gone; the request may go on on another one. */
  #afterFailure(code: ErrorCode): void {
    const { retries } = this.#target!;
    const isSent = this.#state === State.Sent;
    if (isSent && mayResend(code, this.#request, retries)) this.#retry();
    else if (isSent && mayRepeat(code, this.#request, retries) && this.#hasBudget()) this.#retry();
    else this.#fail(code);
  }

  /** Takes one retry out of it. */
  #hasBudget(): boolean {
    return this.#target!.budget.tryRetry(this.#worker.clock.now());
  }

  #retry(): void {
    this.#request.retries += 1;
    this.#connection = undefined;
    this.#seeker.exclude(this.#endpoint!);
    this.#release();
    this.#timer.limits.attemptEnds();
    this.#state = State.Seeking;
    this.#seek(this.#worker.clock.now());
  }

  /** A client that reads what it gets, and lets us know that it is there, may say nothing for as long as it likes. */
  clientAlive(): void {
    if (this.#target === undefined || this.#isClientFull || this.#isBackendFull) return;
    if (this.#state === State.Sent || this.#state === State.Responding) this.#timer.moved(this.#target);
  }

  /** The client has left. */
  clientGone(): void {
    this.#leave();
    this.#timer.stop();
  }

  #leave(): void {
    if (this.#state === State.Over) return;
    if (this.#state !== State.Tunnel) this.#account.status = 499;
    this.#abandon();
    this.#end('DOWNSTREAM_CLOSED');
  }

  /** The client has ended its half of the connection. */
  clientEnded(): void {
    if (this.#state !== State.Tunnel) {
      this.#leave();
      return;
    }
    this.#connection!.endTunnel();
    this.#endHalf();
  }

  /** To be called now and then: does what its endpoint has become ask for anything? */
  sweep(leaving: LeavingEndpoints, now: number): void {
    if (this.#connection === undefined || this.#state === State.Over) return;
    if (leaving.isOverdue(this.#endpoint!, this.#target!.drainMs, now)) this.#fail('SHUTDOWN');
    else if (this.#isStranded()) {
      this.#dropConnection();
      this.#retry();
    }
  }

  /**
   * Was it sent, perhaps over a connection that was kept, to an endpoint that packets do not reach any more, and may
   * another have it? Otherwise it waits: the network may come back before its time is over.
   */
  #isStranded(): boolean {
    if (this.#state !== State.Sent || !this.#endpoint!.isUnreachable) return false;
    const { retries, selector } = this.#target!;
    return selector.hasEligible && mayRepeat('UPSTREAM_RESET', this.#request, retries) && this.#hasBudget();
  }

  /** The client's body is not what it must be: no backend may take it for whole. */
  clientFailed(code: ErrorCode, reason: string): void {
    if (this.#state === State.Over) return;
    this.#account.reason = reason;
    this.#fail(code);
  }

  /** Answers with an error where nothing was answered yet, else breaks the response off. */
  #fail(code: ErrorCode): void {
    const isStarted = this.#state >= State.Responding;
    // The client, told that it is over, must not report its own end as another.
    this.#state = State.Over;
    this.#abandon();
    const reply = replyFor(code, this.#target?.noEndpoints);
    if (isStarted) this.#breakOff(code, reply);
    else this.#reply(code, reply, isGrpcCall(this.#request.head));
    this.#end(code);
  }

  #answer(head: RequestHead, { reply, code, target }: LocalAnswer): void {
    this.#target = target;
    this.#reply(code, reply, code !== undefined && isGrpcContent(head.header('content-type')));
    this.#end(code);
  }

  /** @param code absent: nothing is wrong */
  #reply(code: ErrorCode | undefined, reply: Reply, isCall: boolean): void {
    const said = isCall && code !== undefined ? grpcReply(code, reply) : reply;
    this.#account.status = said.status;
    this.#account.readGrpcStatus(said.lines);
    this.#client.reply(said);
  }

  /** A gRPC client that is told why need not guess it from a reset. */
  #breakOff(code: ErrorCode, reply: Reply): void {
    if (this.#openFraming === 'none' || !isGrpcCall(this.#request.head)) {
      this.#client.abort();
      return;
    }
    const end = grpcEnd(code, reply, this.#openFraming);
    this.#account.readGrpcStatus(end.trailers);
    this.#client.send(NOTHING, end, true);
  }

  /** Lets go of everything on the backends' side, but for the endpoint, which the account still names. */
  #abandon(): void {
    this.#seeker.cancel();
    this.#dropConnection();
  }

  #dropConnection(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  #release(): void {
    this.#endpoint?.release();
    this.#endpoint = undefined;
  }

  // ---- time ----

  #expired(): void {
    if (this.#state === State.Over) return;
    switch (this.#timer.reached()) {
      case 'body-match':
        return this.#match(this.#bodyWait!, 'unreadable');
      case 'request':
        return this.#fail('REQUEST_TIMEOUT');
      case 'attempt':
        return this.#timedOut('UPSTREAM_TRY_TIMEOUT');
      case 'response-head':
        return this.#timedOut('UPSTREAM_RESPONSE_TIMEOUT');
      case 'stall':
        return this.#fail(this.#stallCode());
      case undefined:
        return;
    }
  }

  #stallCode(): ErrorCode {
    return stallCode({
      isRequest: this.#state === State.Sent,
      isBackendFull: this.#isBackendFull,
      isClientFull: this.#isClientFull,
    });
  }

  // ---- the end ----

  #end(error: ErrorCode | undefined): void {
    this.#state = State.Over;
    this.#bodyWait = undefined;
    this.#account.report(this.#worker, {
      target: this.#target,
      endpoint: this.#endpoint,
      attempts: this.#target === undefined ? 0 : this.#seeker.attempts,
      error,
      tls: this.#client.tls,
    });
    this.#release();
    this.#request.end();
    this.#worker.exchanges -= 1;
    this.#client.ended(this.#request.isDone);
  }
}
