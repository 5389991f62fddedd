import { connect, type Socket } from 'node:net';
import { ChunkedDecoder } from '../../../proxy/http/h1/chunked-decoder.ts';
import { ResponseHead } from '../../../proxy/http/h1/response-head.ts';

export interface SeenResponse {
  readonly status: number;
  /** Status line and header lines as they came. */
  readonly head: string;
  /** Content, without framing. */
  readonly body: string;
  readonly trailers: string;
  header(name: string): string | undefined;
}

const DEADLINE_MS = 20_000;

/** A raw client: sends exactly the bytes it is told, and keeps every byte that comes back. */
export class RawClient {
  readonly socket: Socket;
  /** How the connection ended: by FIN, by reset, or not yet. */
  ended: 'no' | 'fin' | 'reset' = 'no';
  #received: Buffer = Buffer.alloc(0);
  #read = 0;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    socket.on('end', () => {
      this.ended = 'fin';
      this.#wake();
    });
    socket.on('error', () => {
      if (this.ended === 'no') this.ended = 'reset';
      this.#wake();
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  /** On a connection that is there already. */
  static on(socket: Socket): RawClient {
    return new RawClient(socket);
  }

  /** All bytes that came so far. */
  get received(): string {
    return this.#received.toString('latin1');
  }

  send(text: string | Buffer): void {
    if (typeof text === 'string') this.socket.write(text, 'latin1');
    else this.socket.write(text);
  }

  /** The next final response to a request with this method; interim ones before it are in `interim`. */
  async response(method = 'GET', interim: number[] = []): Promise<SeenResponse> {
    return this.#when('a response on this connection', () => {
      for (;;) {
        const next = this.#parse(method);
        if (next === undefined) {
          if (this.ended !== 'no') throw new Error(`the connection ended (${this.ended}): ${this.received}`);
          return undefined;
        }
        if (next.status >= 200 || next.status === 101) return next;
        interim.push(next.status);
      }
    });
  }

  async request(text: string, method = text.slice(0, text.indexOf(' '))): Promise<SeenResponse> {
    this.send(text);
    return this.response(method);
  }

  /** Resolves when the other side has ended the connection, with how. */
  async closed(): Promise<'fin' | 'reset'> {
    return this.#when('the end of the connection', () => (this.ended === 'no' ? undefined : this.ended));
  }

  /** What `check` answers as soon as that is something, asked again whenever anything has come. */
  async #when<T>(what: string, check: () => T | undefined): Promise<T> {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const result = check();
      if (result !== undefined) return result;
      const left = end - performance.now();
      if (left <= 0) throw new Error(`did not come: ${what}; so far: ${this.received.slice(this.#read)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close(): void {
    this.socket.destroy();
  }

  #parse(method: string): SeenResponse | undefined {
    const head = new ResponseHead();
    const taken = head.parse(this.#received, this.#read, this.#received.length, method);
    if (taken < 0) throw new Error(`an invalid response: ${head.fault}\n${this.received.slice(this.#read)}`);
    if (taken === 0) return undefined;
    const start = this.#read + taken;
    const body = this.#body(head, start);
    if (body === undefined) return undefined;
    const text = this.#received.toString('latin1', this.#read, start);
    const kept = head.lines.keep();
    this.#read = body.end;
    return {
      status: head.status,
      head: text,
      body: body.text,
      trailers: body.trailers,
      header: (name) => kept.get(name),
    };
  }

  #body(head: ResponseHead, start: number): { end: number; text: string; trailers: string } | undefined {
    const received = this.#received;
    const plain = (end: number) => ({ end, text: received.toString('latin1', start, end), trailers: '' });
    switch (head.body) {
      case 'none':
        return plain(start);
      case 'length':
        return received.length - start < head.contentLength ? undefined : plain(start + head.contentLength);
      case 'until-close':
        return this.ended === 'fin' ? plain(received.length) : undefined;
      case 'chunked': {
        const decoder = new ChunkedDecoder('content');
        let text = '';
        let pos = start;
        while (pos < received.length && !decoder.done) {
          const taken = decoder.decode(received, pos, received.length);
          if (taken < 0) throw new Error(`an invalid body: ${decoder.fault}`);
          for (let i = 0; i < decoder.rangeCount; i++) {
            text += received.toString('latin1', decoder.ranges[i * 2], decoder.ranges[i * 2 + 1]);
          }
          pos += taken;
        }
        return decoder.done ? { end: pos, text, trailers: decoder.trailers } : undefined;
      }
    }
  }
}
