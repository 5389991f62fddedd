import type { Sent } from '../conn/sender.ts';
import type { ErrorCode } from '../errors.ts';
import type { BodyFraming, BodyPiece, BodyRelay } from './h1/body-relay.ts';
import type { ResponseHead } from './h1/response-head.ts';
import type { RequestBody } from './request-body.ts';

/**
 * A backend's end of an exchange, whatever version of HTTP it speaks: one request that goes to an endpoint, and its
 * response. The request is given as the bytes of an HTTP/1.1 message that we have written ourselves.
 */
export interface BackendStream {
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  /** Can the backend say of a request that it has not looked at it? Then it may be sent again, whatever it is. */
  readonly mayRefuse: boolean;
  /** Can it be switched to another protocol? */
  readonly mayTunnel: boolean;
  /** Begins a request. What follows goes to the owner, until `responded`, `broke` or `destroy`. */
  begin(owner: BackendOwner, method: string): void;
  /** The connection serves no other request after this one. */
  useOnce(): void;
  /** A piece of the request, perhaps with its head; complete when the piece is `done`. `keeps`: see `Sender.send`. */
  send(head: string, bytes: Buffer, piece: BodyPiece, keeps: boolean): Sent;
  /** A head and what was held of the body. */
  sendHeld(head: string, body: RequestBody, isLast: boolean): Sent;
  /** There is room again for what comes. */
  resume(): void;
  /** Ends its side of a tunnel. */
  endTunnel(): void;
  /** The owner hears nothing more, and the backend that nobody waits for its response. Idempotent. */
  destroy(): void;
}

/** Who has a request on a backend stream. */
export interface BackendOwner {
  /** An interim response (RFC 9110 section 15.2), not 101. */
  interim(head: ResponseHead): void;
  /**
   * The final response begins. Answers how its body goes on to the client; undefined: it is not wanted, and the owner
   * has no more to do with the stream.
   */
  response(head: ResponseHead): BodyFraming | undefined;
  /** A piece of the response, the first right after `response`, perhaps empty. `keeps`: see `Sender.send`. */
  piece(bytes: Buffer, relay: BodyRelay, keeps: boolean): Sent;
  /** The response is complete; the stream belongs to somebody else. */
  responded(): void;
  /** 101: may the connection be switched? It is the owner's then, for whatever is said on it. */
  switches(head: ResponseHead): boolean;
  /** After `switches`. */
  tunnelled(bytes: Buffer, relay: BodyRelay, keeps: boolean): Sent;
  tunnelEnded(): void;
  /** It ended too early, or said what it must not; it is closed. */
  broke(code: ErrorCode, detail: string): void;
  /** There is room again for what is sent. */
  drained(): void;
}
