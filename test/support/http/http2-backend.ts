import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';

/** A request as an HTTP/2 backend saw it. */
export interface Http2Request {
  /** Number of the session that it came on, from 1. */
  readonly session: number;
  readonly headers: IncomingHttpHeaders;
  /** As they came: name, value, name, value. */
  readonly fields: readonly string[];
  body: string;
  trailers: IncomingHttpHeaders | undefined;
  /** How the stream ended, once it has. */
  rstCode: number | undefined;
}

/** What a script may do with a request on its way. `number` counts the requests of this backend, from 1. */
export type Http2Script = (stream: ServerHttp2Stream, request: Http2Request, number: number) => void;

export interface Http2BackendOptions {
  /** Answers each complete request; by default 200 with its name. */
  readonly script?: Http2Script;
  /** Instead of waiting for the body. */
  readonly onHeaders?: Http2Script;
  readonly name?: string;
  readonly settings?: ServerOptions['settings'];
  /** How many resets it bears of a client: at once, and each second. Absent: what Node does. */
  readonly resets?: { readonly burst: number; readonly rate: number };
}

/** A real HTTP/2 server with prior knowledge that does as its script says, and remembers what it saw. */
export class Http2Backend {
  readonly requests: Http2Request[] = [];
  readonly sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Http2Server;
  readonly #options: Http2BackendOptions;
  /** Sessions so far. */
  opened = 0;
  /** Replaced at any time. */
  script: Http2Script;
  #port = 0;

  private constructor(options: Http2BackendOptions) {
    this.#options = options;
    const { name = 'backend', settings = {}, resets } = options;
    this.script = options.script ?? ((stream) => answer(stream, name));
    const limits =
      resets === undefined ? {} : { streamResetBurst: resets.burst, streamResetRate: resets.rate };
    this.#server = createServer({ settings, ...limits });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('session', (session) => this.#serve(session));
    this.#server.on('sessionError', () => {});
  }

  static async start(options: Http2BackendOptions | Http2Script = {}): Promise<Http2Backend> {
    const backend = new Http2Backend(typeof options === 'function' ? { script: options } : options);
    await backend.listen();
    return backend;
  }

  get port(): number {
    return this.#port;
  }

  /** Open connections. */
  get connections(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As a process that has died: connections are reset, new ones refused. */
  async kill(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  /** As a process that is asked to end: GOAWAY on every session, what is under way goes on. */
  shutDown(): void {
    this.#server.close();
    for (const session of this.sessions) session.close();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const session of this.sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(session: ServerHttp2Session): void {
    this.opened += 1;
    const number = this.opened;
    this.sessions.add(session);
    session.on('close', () => this.sessions.delete(session));
    session.on('error', () => {});
    session.on('stream', (stream, headers, _, fields) => this.#see(stream, number, headers, fields));
  }

  #see(stream: ServerHttp2Stream, session: number, headers: IncomingHttpHeaders, fields: string[]): void {
    const request: Http2Request = {
      session,
      headers,
      fields,
      body: '',
      trailers: undefined,
      rstCode: undefined,
    };
    this.requests.push(request);
    const number = this.requests.length;
    stream.on('error', () => {});
    stream.on('close', () => {
      request.rstCode = stream.rstCode;
    });
    if (this.#options.onHeaders !== undefined) {
      this.#options.onHeaders(stream, request, number);
      return;
    }
    stream.setEncoding('latin1');
    stream.on('data', (text: string) => {
      request.body += text;
    });
    stream.on('trailers', (trailers) => {
      request.trailers = trailers;
    });
    stream.on('end', () => {
      if (!stream.destroyed && stream.rstCode === 0) this.script(stream, request, number);
    });
  }
}

/** A whole 200 with this body. */
export function answer(stream: ServerHttp2Stream, body: string, headers: Record<string, string> = {}): void {
  stream.respond({ ':status': 200, ...headers });
  stream.end(body);
}

/** A 200 with this body, and trailers. */
export function answerWithTrailers(
  stream: ServerHttp2Stream,
  body: string,
  trailers: Record<string, string>,
): void {
  stream.respond({ ':status': 200 }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
}
