import type { Socket } from 'node:net';
import { closeFlushed } from '../conn/close-flushed.ts';
import { Deadline, type Deadlines } from '../conn/deadlines.ts';
import { letGo } from '../conn/let-go.ts';
import type { ErrorCode } from '../errors.ts';
import type { SocketReader } from './socket-reader.ts';

/** Told once, when both connections are closed or about to be, with all that will be read counted. */
export interface RelayOwner {
  /** The upstream has sent its first byte. */
  upstreamSpoke(): void;
  relayEnded(error: ErrorCode | undefined): void;
}

/**
 * Two connections as one: bytes both ways with back-pressure, an end of one direction passed on while the other goes
 * on, a reset passed on as a reset, so that nobody takes a broken stream for a whole one.
 */
export class Relay {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #clientReader: SocketReader;
  readonly #upstreamReader: SocketReader;
  readonly #deadlines: Deadlines;
  readonly #idleMs: number;
  readonly #owner: RelayOwner;
  readonly #idle = new Deadline(() => this.abort('DOWNSTREAM_IDLE'));
  #spoke = false;
  #clientEnded = false;
  #upstreamEnded = false;
  #open = 2;
  #error: ErrorCode | undefined;

  constructor(
    [client, clientReader]: readonly [Socket, SocketReader],
    [upstream, upstreamReader]: readonly [Socket, SocketReader],
    deadlines: Deadlines,
    idleMs: number,
    owner: RelayOwner,
  ) {
    this.#client = client;
    this.#clientReader = clientReader;
    this.#upstream = upstream;
    this.#upstreamReader = upstreamReader;
    this.#deadlines = deadlines;
    this.#idleMs = idleMs;
    this.#owner = owner;
  }

  /** To be called when the upstream has connected, before it is read. `introduction`: what it is told first. */
  start(introduction: Buffer | undefined): void {
    this.#touch();
    this.#upstreamReader.start(this.#client, () => {
      this.#touch();
      if (this.#spoke) return;
      this.#spoke = true;
      this.#owner.upstreamSpoke();
    });
    this.#upstream
      .on('drain', () => {
        this.#touch();
        this.#client.resume();
      })
      .on('end', () => this.#upstreamEnd())
      .on('error', () => this.#upstreamFailed())
      .on('close', () => this.#closed());
    this.#client
      .on('drain', () => {
        this.#touch();
        this.#upstream.resume();
      })
      .on('end', () => this.#clientEnd())
      .on('close', () => this.#closed());
    this.#clientReader.adopt(this.#client, this.#upstream, introduction, () => this.#touch());
    // A client that said nothing and ended its half while the upstream was being dialled.
    if (this.#client.readableEnded) this.#clientEnd();
  }

  /** The client's connection is broken. */
  clientFailed(): void {
    this.abort('DOWNSTREAM_CLOSED');
  }

  /** Ends both with a reset. */
  abort(error: ErrorCode): void {
    this.#error ??= error;
    this.#client.resetAndDestroy();
    this.#upstream.resetAndDestroy();
  }

  #clientEnd(): void {
    this.#clientEnded = true;
    if (this.#upstreamEnded) this.#finish();
    else this.#upstream.end();
  }

  #upstreamEnd(): void {
    this.#upstreamEnded = true;
    if (this.#clientEnded) this.#finish();
    else this.#client.end();
  }

  /** An upstream that has sent all it had and then closes for good ends the session, it does not break it. */
  #upstreamFailed(): void {
    if (this.#upstreamEnded) this.#finish();
    else this.abort('UPSTREAM_RESET');
  }

  /** Both have said all they had. */
  #finish(): void {
    closeFlushed(this.#client);
    closeFlushed(this.#upstream);
  }

  #touch(): void {
    this.#deadlines.set(this.#idle, this.#idleMs);
  }

  #closed(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#deadlines.clear(this.#idle);
    this.#clientReader.end();
    this.#upstreamReader.end();
    letGo(this.#client);
    letGo(this.#upstream);
    this.#owner.relayEnded(this.#error);
  }
}
