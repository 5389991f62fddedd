import type { Socket } from 'node:net';
import { connectEndpoint } from '../conn/connect-endpoint.ts';
import type { DialLimits } from '../conn/dial-plan.ts';
import type { Dial, DialRequest } from '../conn/dialer.ts';
import type { ErrorCode } from '../errors.ts';
import type { PickFailure } from '../balancer/picker.ts';
import type { Preface } from '../listen/proxy-preface.ts';
import { formatProxyHeader, type Parties } from '../listen/proxy-protocol.ts';
import { clientAddress } from '../net/client-address.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { SelectRequest } from '../upstream/backend-selector.ts';
import type { WaitResult } from '../upstream/wait-queue.ts';
import type { WorkerContext } from '../worker/context.ts';
import { pickErrorCode } from '../l4/pick-error.ts';
import type { TlsFacts } from '../l4/l4-reporter.ts';
import type { L4Target } from '../l4/l4-target.ts';
import { Relay, type RelayOwner } from './relay.ts';
import { SocketReader } from './socket-reader.ts';

/** Whose session it is. */
export interface SessionClient {
  readonly socket: Socket;
  /** Where it comes from, in the form that routes and logs use; empty: nobody asked. */
  readonly address: string;
  /** How the connection began; undefined: with the client's own bytes. */
  readonly preface: Preface | undefined;
  /** Undefined: the port does not look at it. */
  readonly tls: TlsFacts | undefined;
}

/** The port that a session came in by. */
export interface SessionPort {
  readonly ctx: WorkerContext;
  readonly idleMs: number;
  /** Told once, when nothing of the session is left. */
  sessionEnded(session: TcpSession, error: ErrorCode | undefined): void;
}

/**
 * One client connection from the choice of its endpoint to its end: select (or wait in the queue), dial, relay. The
 * endpoint is held until both connections are closed, and released once.
 */
export class TcpSession implements SelectRequest, DialRequest<Socket>, RelayOwner {
  place = -1;
  readonly client: Socket;
  readonly clientAddress: string;
  readonly target: L4Target;
  readonly startedMs: number;
  readonly bound = undefined;
  readonly hashKey: number;
  tried: readonly EndpointState[] = [];
  readonly #port: SessionPort;
  readonly tls: TlsFacts | undefined;
  readonly #preface: Preface | undefined;
  readonly #clientReader: SocketReader;
  readonly #readers: [Socket, SocketReader][] = [];
  #cancelWait: (() => void) | undefined;
  #dial: Dial<Socket> | undefined;
  #relay: Relay | undefined;
  #upstream: Socket | undefined;
  #endpoint: EndpointState | undefined;
  #spoke = false;
  /** Ended before there was a relay. */
  #over = false;

  constructor(port: SessionPort, { socket, address, preface, tls }: SessionClient, target: L4Target) {
    this.#port = port;
    this.client = socket;
    this.target = target;
    this.clientAddress = address;
    this.#preface = preface;
    this.#clientReader = new SocketReader(port.ctx.buffers);
    this.tls = tls;
    this.hashKey = target.hashKey?.(address) ?? 0;
    this.startedMs = port.ctx.clock.now();
  }

  get maxInFlight(): number {
    return this.target.maxInFlight;
  }

  get dialLimits(): DialLimits {
    return this.target.dialLimits;
  }

  /** The endpoint of the session, once it is connected. */
  get endpoint(): EndpointState | undefined {
    return this.#endpoint;
  }

  get attempts(): number {
    return this.#dial?.tried.length ?? 0;
  }

  get bytesIn(): number {
    return this.client.bytesRead - (this.#preface?.length ?? 0);
  }

  get bytesOut(): number {
    return this.#upstream?.bytesRead ?? 0;
  }

  start(): void {
    this.client.on('error', () => {
      if (this.#relay === undefined) this.#onClientGone();
      else this.#relay.clientFailed();
    });
    this.client.on('close', this.#onClientGone);
    this.#clientReader.listen(this.client);
    const selected = this.target.selector.select(this);
    if (selected === 'all-full' && this.target.queue !== undefined) this.#wait(this.target.queue);
    else this.#proceed(selected);
  }

  /** Ends it now, with a reset. */
  abort(error: ErrorCode): void {
    if (this.#relay !== undefined) this.#relay.abort(error);
    else this.#fail(error);
  }

  #wait(limits: NonNullable<L4Target['queue']>): void {
    const waiting = this.target.selector.enqueue(this, limits, (result) => {
      this.#cancelWait = undefined;
      this.#proceed(result);
    });
    if (waiting === 'queue-full') this.#fail(pickErrorCode(waiting));
    else this.#cancelWait = waiting;
  }

  #proceed(selected: WaitResult | PickFailure): void {
    if (typeof selected === 'string') this.#fail(pickErrorCode(selected));
    else this.#dial = this.#port.ctx.dialer.dial(this, selected);
  }

  // ---- what the dial asks and tells ----

  open(endpoint: EndpointState): Socket {
    const reader = new SocketReader(this.#port.ctx.buffers);
    const { proxyOut } = this.target;
    const socket = connectEndpoint(endpoint, {
      // In front of TLS; in clear it goes with what the client has said by then.
      introduction:
        proxyOut === undefined || endpoint.tls === undefined
          ? undefined
          : formatProxyHeader(proxyOut, this.#parties()),
      protocols: [],
      allowHalfOpen: true,
      onread: reader.onread,
    });
    this.#readers.push([socket, reader]);
    return socket;
  }

  nextEndpoint(tried: readonly EndpointState[]): EndpointState | PickFailure {
    this.tried = tried;
    return this.target.selector.select(this);
  }

  connected(upstream: Socket, endpoint: EndpointState, tookMs: number): void {
    const { clock, deadlines } = this.#port.ctx;
    endpoint.observeLatency(tookMs, clock.now());
    this.#endpoint = endpoint;
    this.#upstream = upstream;
    this.client.off('close', this.#onClientGone);
    const dialled = this.#readers.find(([socket]) => socket === upstream)!;
    const accepted = [this.client, this.#clientReader] as const;
    this.#relay = new Relay(accepted, dialled, deadlines, this.#port.idleMs, this);
    const { proxyOut } = this.target;
    const isTold = proxyOut === undefined || endpoint.tls !== undefined;
    this.#relay.start(isTold ? undefined : formatProxyHeader(proxyOut, this.#parties()));
  }

  #parties(): Parties | undefined {
    const { remoteAddress, remotePort, localAddress, localPort } = this.client;
    if (this.#preface?.parties !== undefined) return this.#preface.parties;
    if (remotePort === undefined || localPort === undefined) return undefined;
    return {
      source: { address: clientAddress(remoteAddress), port: remotePort },
      destination: { address: clientAddress(localAddress), port: localPort },
    };
  }

  failed(code: ErrorCode): void {
    this.#fail(code);
  }

  // ---- what the relay tells ----

  upstreamSpoke(): void {
    this.#spoke = true;
    this.#port.ctx.passive.success(this.#endpoint!);
  }

  relayEnded(error: ErrorCode | undefined): void {
    const { passive } = this.#port.ctx;
    const endpoint = this.#endpoint!;
    // A reset may be the answer to what a client sent: it counts only where the client had no hand in it.
    if (error === undefined && !this.#spoke) passive.success(endpoint);
    if (error === 'UPSTREAM_RESET' && !this.#spoke && this.#upstream!.bytesWritten === 0) {
      passive.failure(endpoint, error);
    }
    endpoint.release();
    this.#port.sessionEnded(this, error);
  }

  // ---- ends before there is a relay ----

  /** The client left while it waited. */
  readonly #onClientGone = (): void => {
    this.#endEarly('DOWNSTREAM_CLOSED');
  };

  #fail(code: ErrorCode): void {
    this.#endEarly(code);
    this.client.resetAndDestroy();
  }

  #endEarly(code: ErrorCode): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelWait?.();
    this.#dial?.cancel();
    this.#port.sessionEnded(this, code);
  }
}
