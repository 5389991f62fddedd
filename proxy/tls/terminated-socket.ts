import type { Socket } from 'node:net';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';

/**
 * As much may be on its way into TLS before who writes is told to wait: five reads of a busy connection. What TLS is
 * given counts until the next turn of the loop, also when it went out at once, so that with Node's 64 KiB bulk stops
 * after each read.
 */
const TLS_WRITE_BYTES = 320 * 1024;

/** The plain text of a connection whose TLS ends here. Its reset resets the connection beneath. */
export class TerminatedSocket extends TLSSocket {
  readonly #encrypted: Socket;

  constructor(encrypted: Socket, options: TLSSocketOptions) {
    super(encrypted, { ...options, highWaterMark: TLS_WRITE_BYTES } as TLSSocketOptions);
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
