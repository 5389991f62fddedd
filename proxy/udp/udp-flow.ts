import type { Socket } from 'node:dgram';
import { connectErrorCode } from '../conn/connect-error.ts';
import type { ErrorCode } from '../errors.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { L4Target } from '../l4/l4-target.ts';
import type { FlowList, FlowPlace } from './flow-table.ts';
import { createUdpSocket } from './udp-socket.ts';

/** Errors that say that the endpoint cannot be reached. */
const FATAL: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
]);

/** Whose flow it is. */
export interface FlowClient {
  readonly key: string;
  /** In the form that routes and logs use. */
  readonly address: string;
  /** As the port's socket spells it, for the way back. */
  readonly replyAddress: string;
  readonly replyPort: number;
}

/** Whom a flow tells. */
export interface FlowOwner {
  /** A datagram from the endpoint, to be passed on whole. */
  answered(flow: UdpFlow, datagram: Buffer): void;
  /** The flow cannot go on. */
  failed(flow: UdpFlow, code: ErrorCode): void;
}

/**
 * One client address and port, and the endpoint that it talks to, by a connected socket of its own: the kernel lets
 * nobody but that endpoint answer, and tells when nobody listens there.
 */
export class UdpFlow implements FlowPlace {
  readonly key: string;
  touchedMs = 0;
  list: FlowList | undefined;
  prev: FlowPlace | undefined;
  next: FlowPlace | undefined;

  readonly clientAddress: string;
  readonly replyAddress: string;
  readonly replyPort: number;
  readonly target: L4Target;
  /** Acquired; whoever ends the flow releases it. */
  readonly endpoint: EndpointState;
  /** Was the endpoint well when it was chosen? */
  readonly wasAffine: boolean;
  readonly tls = undefined;
  readonly startedMs: number;
  readonly attempts = 1;
  bytesIn = 0;
  /** That were passed on. */
  bytesOut = 0;
  answers = 0;
  readonly #socket: Socket;
  readonly #owner: FlowOwner;
  /** Sent since the last answer. */
  #unanswered = 0;

  /** Throws when this proxy is out of sockets. */
  constructor(
    owner: FlowOwner,
    client: FlowClient,
    target: L4Target,
    endpoint: EndpointState,
    startedMs: number,
  ) {
    this.#owner = owner;
    this.key = client.key;
    this.clientAddress = client.address;
    this.replyAddress = client.replyAddress;
    this.replyPort = client.replyPort;
    this.target = target;
    this.endpoint = endpoint;
    this.wasAffine = endpoint.affine;
    this.startedMs = startedMs;
    this.#socket = createUdpSocket(endpoint.address);
    this.#socket.on('error', this.#onError);
    try {
      this.#socket.connectSync(endpoint.port, endpoint.address);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
    this.#socket.on('message', (datagram) => {
      this.answers += 1;
      this.#unanswered = 0;
      this.#owner.answered(this, datagram);
    });
  }

  send(datagram: Buffer): void {
    this.bytesIn += datagram.length;
    this.#unanswered += 1;
    // An error that the kernel has noted may come as the answer to the next send instead of by itself; to be told
    // of those costs a turn of the loop, which flows that are answered need not pay.
    if (this.#unanswered > 1) this.#socket.send(datagram, this.#onSent);
    else this.#socket.send(datagram);
  }

  close(): void {
    this.#socket.removeAllListeners('message');
    this.#socket.off('error', this.#onError);
    this.#socket.on('error', () => {});
    this.#socket.close();
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#onError(error);
  };

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    // A datagram too large for the path, or for which there was no buffer, is lost; the flow is not.
    if (FATAL.has(error.code ?? '')) this.#owner.failed(this, connectErrorCode(error));
  };
}
