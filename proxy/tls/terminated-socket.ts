import type { Socket } from 'node:net';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';

/** The plain text of a connection whose TLS ends here. Its reset resets the connection beneath. */
export class TerminatedSocket extends TLSSocket {
  readonly #encrypted: Socket;

  constructor(encrypted: Socket, options: TLSSocketOptions) {
    super(encrypted, options);
    this.#encrypted = encrypted;
    // As `tls.Server` does: node:http2 waits for it.
    this.once('secure', () => Object.assign(this, { secureConnecting: false }));
  }

  /** A `TLSSocket` cannot do that by itself. */
  override resetAndDestroy(): this {
    if (!this.#encrypted.destroyed) this.#encrypted.resetAndDestroy();
    return this.destroy();
  }
}
