import {
  type ClientHttp2Session,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';

export interface SeenH2Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
  /** Statuses of what came before it. */
  readonly interim: readonly number[];
}

/** A well-behaved HTTP/2 client, by prior knowledge. */
export class H2Client {
  readonly session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on('error', () => {});
  }

  static async connect(port: number): Promise<H2Client> {
    const session = connect(`http://127.0.0.1:${port}`);
    const client = new H2Client(session);
    await new Promise<void>((resolve, reject) => {
      session.once('connect', () => resolve());
      session.once('error', reject);
    });
    return client;
  }

  async get(path: string, headers: OutgoingHttpHeaders = {}): Promise<SeenH2Response> {
    return this.request({ ':path': path, ...headers });
  }

  /** @param body ends the request; undefined: its head does */
  async request(
    headers: OutgoingHttpHeaders,
    body?: string | Buffer,
    trailers?: OutgoingHttpHeaders,
  ): Promise<SeenH2Response> {
    const stream = this.session.request(
      { ':authority': 'example.com', ...headers },
      { endStream: body === undefined, waitForTrailers: trailers !== undefined },
    );
    if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    if (body !== undefined) stream.end(body);
    const interim: number[] = [];
    let seen: { status: number; headers: IncomingHttpHeaders } | undefined;
    let seenTrailers: IncomingHttpHeaders = {};
    const parts: Buffer[] = [];
    return new Promise((resolve, reject) => {
      stream.on('headers', (more) => interim.push(more[':status']!));
      stream.on('response', (response) => {
        seen = { status: response[':status']!, headers: response };
      });
      stream.on('trailers', (fields) => {
        seenTrailers = fields;
      });
      stream.on('data', (bytes: Buffer) => parts.push(bytes));
      stream.on('error', reject);
      stream.on('close', () => {
        if (seen === undefined) reject(new Error(`no response: ${stream.rstCode}`));
        else if (stream.rstCode !== 0) reject(new Error(`reset: ${stream.rstCode}`));
        else
          resolve({
            ...seen,
            body: Buffer.concat(parts).toString('latin1'),
            trailers: seenTrailers,
            interim,
          });
      });
    });
  }

  async close(): Promise<void> {
    this.session.destroy();
  }
}
