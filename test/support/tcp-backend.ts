import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A TCP server on a port of its own that does as it is told with each connection. */
export class TcpBackend {
  readonly sockets = new Set<Socket>();
  /** Connections so far. */
  accepted = 0;
  readonly #server: Server;

  private constructor(onConnection: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.accepted += 1;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
      onConnection(socket);
    });
  }

  static async listen(
    onConnection: (socket: Socket) => void,
    options: { port?: number; host?: string } = {},
  ): Promise<TcpBackend> {
    const backend = new TcpBackend(onConnection);
    await new Promise<void>((resolve, reject) => {
      backend.#server.once('error', reject);
      backend.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return backend;
  }

  /** Answers with what it got, and ends when the client does. */
  static echo(): Promise<TcpBackend> {
    return TcpBackend.listen((socket) => socket.pipe(socket));
  }

  /** Says its own port to whoever connects, then ends. */
  static teller(): Promise<TcpBackend> {
    return TcpBackend.listen((socket) => {
      socket.end(String((socket.address() as AddressInfo).port));
      socket.resume();
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The address answers nothing any more: connects are refused, connections reset. */
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.resetAndDestroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
