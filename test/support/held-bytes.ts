import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** Sees the sockets that a proxy in this process makes from now on, by the ports of its two sides. */
export class HeldBytes {
  readonly #client: Socket[] = [];
  readonly #upstream: Socket[] = [];
  readonly #ports: { readonly proxy: number; readonly backend: number };

  constructor(ports: { readonly proxy: number; readonly backend: number }) {
    this.#ports = ports;
    subscribe('net.server.socket', this.#accepted);
    subscribe('net.client.socket', this.#dialled);
  }

  readonly #accepted = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort === this.#ports.proxy) this.#client.push(socket);
  };

  readonly #dialled = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    socket.once('connect', () => {
      if (socket.remotePort === this.#ports.backend) this.#upstream.push(socket);
    });
  };

  /** Bytes that were read and wait to be written, to clients and to backends. */
  get now(): { readonly client: number; readonly upstream: number } {
    const sum = (sockets: readonly Socket[]): number =>
      sockets.reduce((bytes, { writableLength }) => bytes + writableLength, 0);
    return { client: sum(this.#client), upstream: sum(this.#upstream) };
  }

  /** Sees no more. */
  close(): Promise<void> {
    unsubscribe('net.server.socket', this.#accepted);
    unsubscribe('net.client.socket', this.#dialled);
    return Promise.resolve();
  }
}
