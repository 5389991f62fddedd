import type { Retries } from '../../api/snapshot.ts';
import type { Sent } from '../conn/sender.ts';
import type { BackendStream } from './backend-stream.ts';
import { type BodyPiece, type BodyRelay, NO_PIECE } from './h1/body-relay.ts';
import type { RequestHead } from './h1/request-head.ts';
import { outgoingHead, withoutUnderscores } from './outgoing-head.ts';
import { RequestBody } from './request-body.ts';
import { bytesWorthKeeping, type FailedAttempt, isIdempotent } from './retry.ts';
import type { HttpRule } from './route-target.ts';

/**
 * A request as its backends get it: its head, and what has come of its body. That is held until there is a connection,
 * and kept after that as long as it may be worth sending again. Reused from request to request.
 */
export class RelayedRequest implements FailedAttempt {
  /** As it goes to a backend; empty until `take`. */
  head = '';
  isIdempotent = false;
  /** Of a request for a WebSocket. */
  webSocketKey: string | undefined;
  /** All of it has come. */
  isDone = false;
  retries = 0;
  readonly #body = new RequestBody();
  #config!: Retries;
  #hasUnderscores = false;
  /** A backend might take its body for another request. */
  #isDisguised = false;
  /** The piece that came with the head, until it is sent or held. */
  #firstBytes: Buffer | undefined;
  #firstPiece: BodyPiece = NO_PIECE;

  /** A request begins, with the first piece of its body. */
  begin(bytes: Buffer, relay: BodyRelay): void {
    this.head = '';
    this.retries = 0;
    this.#firstBytes = bytes;
    this.#firstPiece = relay;
    this.advance(relay);
  }

  /** Takes what is needed of a head: it may be gone before there is a connection. */
  take(head: RequestHead, rule: HttpRule, forwarded: string, requestId: string): void {
    this.head = outgoingHead(head, rule, forwarded, requestId);
    this.webSocketKey = head.websocket ? head.header('sec-websocket-key') : undefined;
    this.isIdempotent = isIdempotent(head);
    this.#hasUnderscores = head.hasUnderscores;
    this.#config = rule.payload.retries;
  }

  /** A further piece of the body is there, to be sent or held. */
  advance(relay: BodyRelay): void {
    this.isDone = relay.done;
    this.#isDisguised = relay.isDisguised;
  }

  /** Everything that was sent can be sent again. */
  get isReplayable(): boolean {
    return this.#body.isWhole;
  }

  /** What is held of the body, framed as it goes on. */
  get parts(): readonly Buffer[] {
    return this.#body.parts;
  }

  /** Its bytes are about to go. Answers whether they have still to be held. */
  releaseFirst(): boolean {
    const isLeft = this.#firstBytes !== undefined;
    this.#firstBytes = undefined;
    return isLeft;
  }

  hold(bytes: Buffer, piece: BodyPiece): void {
    this.#body.add(bytes, piece);
  }

  /** Sends the head and what has come of the body, from the beginning. */
  sendStart(connection: BackendStream): Sent {
    if (this.#isDisguised) connection.useOnce();
    // gRPC's metadata may have them; a backend that turns `-` into `_` speaks HTTP/1.1.
    if (this.#hasUnderscores && !connection.mayRefuse) this.head = withoutUnderscores(this.head);
    const bytes = this.#firstBytes;
    if (bytes === undefined) {
      const sent = connection.sendHeld(this.head, this.#body, this.isDone);
      this.#dropUnneeded(connection);
      return sent;
    }
    this.#firstBytes = undefined;
    this.#keep(connection, bytes, this.#firstPiece);
    return connection.send(this.head, bytes, this.#firstPiece, false);
  }

  sendPiece(connection: BackendStream, bytes: Buffer, piece: BodyPiece): Sent {
    this.#keep(connection, bytes, piece);
    if (this.#isDisguised) connection.useOnce();
    return connection.send('', bytes, piece, false);
  }

  /** It is not sent again, whatever happens: what is held is not needed. */
  dropBody(): void {
    this.#body.drop();
  }

  /** It is over: nothing is held any longer. */
  end(): void {
    this.#body.reset();
  }

  #keep(connection: BackendStream, bytes: Buffer, piece: BodyPiece): void {
    if (!this.#body.isWhole) return;
    this.#body.add(bytes, piece);
    this.#dropUnneeded(connection);
  }

  #dropUnneeded({ mayRefuse }: BackendStream): void {
    if (this.#body.size > bytesWorthKeeping(this, this.#config, mayRefuse)) this.#body.drop();
  }
}
