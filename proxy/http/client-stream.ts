import type { Sent } from '../conn/sender.ts';
import type { Parties } from '../listen/proxy-protocol.ts';
import type { ClientTls } from './client-tls.ts';
import type { BodyFraming, BodyPiece } from './h1/body-relay.ts';
import type { RequestHead } from './h1/request-head.ts';
import type { ResponseHead } from './h1/response-head.ts';
import type { Reply } from './replies.ts';
import type { RouteTarget } from './route-target.ts';

/** The client's end of an exchange: what each HTTP version does its own way. */
export interface ClientStream {
  readonly isSecure: boolean;
  /** What its TLS was settled by; undefined: it speaks in clear. */
  readonly tls: ClientTls | undefined;
  /** Both ends of its connection, for a backend that is told by the PROXY protocol; undefined: not known any more. */
  readonly parties: Parties | undefined;
  /** Lines that tell a backend where this request comes from. */
  forwardedLines(head: RequestHead): string;
  /** An interim response, if this client can take one. */
  interim(head: ResponseHead): void;
  /** `100 Continue` by ourselves. */
  sendContinue(): void;
  /**
   * The response begins; `send` brings its first piece at once. `extra` are header lines of ours. Answers how its body
   * is to be framed.
   */
  startResponse(head: ResponseHead, extra: string, target: RouteTarget): BodyFraming;
  /** A piece of the response, the last one when it is `done`: its trailers end it. `keeps`: see `Sender.send`. */
  send(bytes: Buffer, piece: BodyPiece, keeps: boolean): Sent;
  /** A whole response by ourselves. */
  reply(reply: Reply): void;
  /** From here on it is a tunnel: `send` carries whatever is said. */
  switchProtocols(head: ResponseHead): void;
  /** The tunnel's other end says nothing more. */
  endTunnel(): void;
  /** The response cannot be completed, and the client must not take it for complete. */
  abort(): void;
  /** There is room for more of what the client sends. */
  resume(): void;
  /** The exchange is over. @param isRequestDone all of the request was read */
  ended(isRequestDone: boolean): void;
}
