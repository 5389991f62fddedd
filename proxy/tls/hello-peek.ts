import type { Socket } from 'node:net';
import { ClientHelloReader } from './client-hello.ts';

/** What the beginning of a connection says; `closed`: it ended before that was known. */
export type Peeked = { readonly serverName: string | undefined } | 'not_tls' | 'bad_hello' | 'closed';

/**
 * Reads the ClientHello that a connection begins with and puts it back. `done` is called once, unless `cancel` is
 * before; nobody listens to the socket then, but for its errors.
 */
export class HelloPeek {
  readonly #socket: Socket;
  readonly #done: (peeked: Peeked) => void;
  readonly #reader = new ClientHelloReader();

  constructor(socket: Socket, done: (peeked: Peeked) => void) {
    this.#socket = socket;
    this.#done = done;
  }

  start(): void {
    this.#socket.on('readable', this.#onReadable).on('end', this.#onGone).on('close', this.#onGone);
    this.#onReadable();
  }

  cancel(): void {
    this.#socket.off('readable', this.#onReadable).off('end', this.#onGone).off('close', this.#onGone);
  }

  readonly #onReadable = (): void => {
    const chunk = this.#socket.read() as Buffer | null;
    if (chunk === null) return;
    const reading = this.#reader.add(chunk);
    if (reading.kind === 'incomplete') return;
    this.cancel();
    this.#socket.unshift(this.#reader.bytes);
    this.#done(reading.kind === 'hello' ? { serverName: reading.serverName } : reading.reason);
  };

  readonly #onGone = (): void => {
    this.cancel();
    this.#done('closed');
  };
}
