import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { WebSocketServer, type WebSocket } from 'ws';

/** A WebSocket server of the `ws` library that echoes, and keeps what each connection told it. */
export class EchoServer {
  readonly #server: WebSocketServer;
  /** One list a connection, in the order of their ends. */
  readonly stories: string[][] = [];
  /** Of all connections. */
  messages = 0;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket) => this.#tell(socket));
  }

  static async start(): Promise<EchoServer> {
    const options = {
      port: 0,
      host: '127.0.0.1',
      maxPayload: 16 * 1_048_576,
      // As small as the client likes; the library would end at 16,384 pieces.
      maxFragments: 0,
      perMessageDeflate: { threshold: 64 },
    };
    const server = new WebSocketServer(options);
    await once(server, 'listening');
    return new EchoServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#server.clients.size;
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #tell(socket: WebSocket): void {
    const story: string[] = [];
    socket.on('message', (data, isBinary) => {
      const bytes = data as Buffer;
      this.messages += 1;
      const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
      story.push(`${isBinary ? 'binary' : 'text'} ${bytes.length} ${digest}`);
      socket.send(bytes, { binary: isBinary });
    });
    socket.on('ping', (data) => story.push(`ping ${data.length}`));
    socket.on('pong', (data) => story.push(`pong ${data.length}`));
    socket.on('error', (error) => story.push(`error ${error.message}`));
    socket.on('close', (code) => {
      story.push(`close ${code}`);
      this.stories.push(story);
    });
  }
}
