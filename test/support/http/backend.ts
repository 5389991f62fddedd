import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { RequestHead } from '../../../proxy/http/h1/request-head.ts';
import { ChunkedDecoder } from '../../../proxy/http/h1/chunked-decoder.ts';

/** A request as a backend saw it. */
export interface SeenRequest {
  /** Number of the connection that it came on, from 1. */
  readonly connection: number;
  readonly method: string;
  readonly target: string;
  /** Request line and header lines as they came, with the blank line. */
  readonly head: string;
  /** Content, without framing. */
  readonly body: string;
  header(name: string): string | undefined;
}

/** One request on its way: what a script may do with it. */
export interface Conversation {
  readonly request: SeenRequest;
  readonly socket: Socket;
  /** Number of the request at this backend, from 1. */
  readonly number: number;
}

/** Does something when a request is complete (or with `onHead`, when its head is). */
export type Script = (conversation: Conversation) => void;

export interface BackendOptions {
  /** Answers each complete request; by default 200 with its name. */
  readonly script?: Script;
  /** Instead of waiting for the body. */
  readonly onHead?: Script;
  /** Takes each connection raw: nothing is parsed. */
  readonly onConnection?: (socket: Socket, number: number) => void;
  readonly name?: string;
  /** Speaks TLS. */
  readonly tls?: TlsOptions;
}

/** A real server on port 0 that does as its script says, and remembers what it saw. */
export class ScriptedBackend {
  readonly requests: SeenRequest[] = [];
  readonly sockets = new Set<Socket>();
  /** Connections so far. */
  connections = 0;
  /** Replaced at any time. */
  script: Script;
  readonly #options: BackendOptions;
  readonly #server: Server;
  readonly #encrypted = new Set<Socket>();
  #port = 0;

  private constructor(options: BackendOptions) {
    this.#options = options;
    const name = options.name ?? 'backend';
    this.script = options.script ?? (({ socket }) => socket.write(ok(name)));
    const accept = (socket: Socket): void => this.#accept(socket);
    if (options.tls === undefined) {
      this.#server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
    } else {
      this.#server = createTlsServer({ allowHalfOpen: true, noDelay: true, ...options.tls }, accept);
      this.#server.on('tlsClientError', () => {});
      // Also those whose handshake does not come about.
      this.#server.on('connection', (socket: Socket) => {
        this.#encrypted.add(socket);
        socket.on('close', () => this.#encrypted.delete(socket));
      });
    }
  }

  static async start(options: BackendOptions | Script = {}): Promise<ScriptedBackend> {
    const backend = new ScriptedBackend(typeof options === 'function' ? { script: options } : options);
    await backend.listen();
    return backend;
  }

  get port(): number {
    return this.#port;
  }

  /** Opens the port, the same one again after `refuse`. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As a process that has died: connections are reset, new ones refused. */
  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.sockets) socket.resetAndDestroy();
    await closed;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of [...this.sockets, ...this.#encrypted]) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    this.connections += 1;
    const number = this.connections;
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
    if (this.#options.onConnection !== undefined) {
      this.#options.onConnection(socket, number);
      return;
    }
    socket.on('end', () => socket.end());
    this.#serve(socket, number);
  }

  #serve(socket: Socket, connection: number): void {
    let held: Buffer = Buffer.alloc(0);
    let head: RequestHead | undefined;
    let headText = '';
    let body: ((bytes: Buffer) => { rest: Buffer; text: string } | undefined) | undefined;
    const next = (): boolean => {
      if (head === undefined) {
        const parsed = new RequestHead();
        const taken = parsed.parse(held, 0, held.length);
        if (taken < 0)
          throw new Error(`the proxy sent an invalid request: ${parsed.fault}\n${held.toString('latin1')}`);
        if (taken === 0) return false;
        head = parsed.keep();
        headText = held.toString('latin1', 0, taken);
        held = held.subarray(taken);
        body = bodyReader(head);
        if (this.#options.onHead !== undefined) {
          this.#options.onHead(this.#see(socket, connection, head, headText, ''));
        }
      }
      const read = body!(held);
      if (read === undefined) {
        held = Buffer.alloc(0);
        return false;
      }
      held = read.rest;
      const seen = head;
      head = undefined;
      if (this.#options.onHead === undefined)
        this.script(this.#see(socket, connection, seen, headText, read.text));
      return held.length > 0;
    };
    socket.on('data', (bytes: Buffer) => {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      while (next());
    });
  }

  #see(socket: Socket, connection: number, head: RequestHead, text: string, body: string): Conversation {
    const { method, target } = head;
    const request: SeenRequest = {
      connection,
      method,
      target,
      head: text,
      body,
      header: (name) => head.header(name),
    };
    this.requests.push(request);
    return { request, socket, number: this.requests.length };
  }
}

/** Collects one body; undefined until it is complete. */
function bodyReader(head: RequestHead): (bytes: Buffer) => { rest: Buffer; text: string } | undefined {
  let text = '';
  let left = head.contentLength;
  const decoder = new ChunkedDecoder('content');
  return (bytes) => {
    if (head.body !== 'chunked') {
      const taken = Math.min(left, bytes.length);
      left -= taken;
      text += bytes.toString('latin1', 0, taken);
      return left === 0 ? { rest: bytes.subarray(taken), text } : undefined;
    }
    let pos = 0;
    while (pos < bytes.length && !decoder.done) {
      const taken = decoder.decode(bytes, pos, bytes.length);
      if (taken < 0) throw new Error(`the proxy sent an invalid body: ${decoder.fault}`);
      for (let i = 0; i < decoder.rangeCount; i++) {
        text += bytes.toString('latin1', decoder.ranges[i * 2], decoder.ranges[i * 2 + 1]);
      }
      pos += taken;
    }
    return decoder.done ? { rest: bytes.subarray(pos), text } : undefined;
  };
}

/** A whole 200 with this body. */
export function ok(body: string, headers = ''): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}

/** A whole response with this status and no body. */
export function status(code: number, headers = ''): string {
  return `HTTP/1.1 ${code} Status\r\nContent-Length: 0\r\n${headers}\r\n`;
}
