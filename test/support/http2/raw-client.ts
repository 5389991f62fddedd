import { connect, type Socket } from 'node:net';
import { FrameReader } from './frame-reader.ts';
import { type Frame, FrameType, Flag, frame, PREFACE, settings } from './frames.ts';

const DEADLINE_MS = 20_000;

/** How a stream ended for the client: its response is complete, it was reset, or the connection is gone. */
export type StreamEnd = 'complete' | { readonly reset: number } | 'gone';

/** An HTTP/2 client that sends exactly the frames it is told, and keeps every frame that comes back. */
export class RawH2Client {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  isGone = false;
  readonly #reader = new FrameReader();
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    const gone = () => {
      this.isGone = true;
      this.#wake();
    };
    socket.on('end', gone).on('error', gone).on('close', gone);
  }

  /** Connects and shakes hands. @param start what comes after the preface; by default an empty SETTINGS */
  static async connect(port: number, start: Buffer = settings()): Promise<RawH2Client> {
    return (await RawH2Client.open(port)).#shakeHands(start);
  }

  /** Shakes hands on a connection that is open: TLS, say. */
  static async on(socket: Socket): Promise<RawH2Client> {
    return new RawH2Client(socket).#shakeHands(settings());
  }

  async #shakeHands(start: Buffer): Promise<this> {
    this.send(PREFACE, start);
    await this.frame('the settings', ({ type, flags }) => type === FrameType.Settings && flags === 0);
    this.send(frame(FrameType.Settings, Flag.Ack, 0));
    return this;
  }

  /** Connects, and says nothing. */
  static async open(port: number): Promise<RawH2Client> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const client = new RawH2Client(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The first frame that is like this, which may have come already. */
  async frame(what: string, isIt: (frame: Frame) => boolean): Promise<Frame> {
    return this.#when(what, () => {
      const found = this.frames.find(isIt);
      if (found === undefined && this.isGone) throw new Error(`the connection ended before ${what}`);
      return found;
    });
  }

  /** Everything that was sent before has been looked at. */
  async pong(): Promise<void> {
    const payload = Buffer.from(String(this.frames.length).padStart(8));
    this.send(frame(FrameType.Ping, 0, 0, payload));
    await this.frame('the answer to a PING', (f) => f.type === FrameType.Ping && f.payload.equals(payload));
  }

  async ended(stream: number): Promise<StreamEnd> {
    return this.#when(`the end of stream ${stream}`, () => {
      for (const { type, flags, stream: id, payload } of this.frames) {
        if (id !== stream) continue;
        if (type === FrameType.RstStream) return { reset: payload.readUInt32BE() };
        const mayEnd = type === FrameType.Data || type === FrameType.Headers;
        if (mayEnd && (flags & Flag.EndStream) !== 0) return 'complete';
      }
      return this.isGone ? 'gone' : undefined;
    });
  }

  /** Status of the response on a stream, when it has begun. */
  async status(stream: number): Promise<number> {
    const { payload } = await this.frame(
      `a response on stream ${stream}`,
      ({ type, stream: id }) => type === FrameType.Headers && id === stream,
    );
    return readStatus(payload);
  }

  /** Content that has come on a stream. */
  content(stream: number): Buffer {
    const parts = this.frames.filter(({ type, stream: id }) => type === FrameType.Data && id === stream);
    return Buffer.concat(parts.map(({ payload }) => payload));
  }

  /** The error code of the GOAWAY that ends the connection. */
  async goaway(): Promise<number> {
    const { payload } = await this.frame('a GOAWAY', ({ type }) => type === FrameType.Goaway);
    return payload.readUInt32BE(4);
  }

  /** Resolves when the connection is gone. */
  async closed(): Promise<void> {
    await this.#when('the end of the connection', () => (this.isGone ? true : undefined));
  }

  async close(): Promise<void> {
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.frames.push(...this.#reader.read(bytes));
    this.#wake();
  }

  async #when<T>(what: string, check: () => T | undefined): Promise<T> {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const result = check();
      if (result !== undefined) return result;
      const left = end - performance.now();
      if (left <= 0) throw new Error(`did not come: ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** Of a block that begins with `:status`, as node:http2 writes it. */
function readStatus(block: Buffer): number {
  const byNumber: Readonly<Record<number, number>> = {
    8: 200,
    9: 204,
    10: 206,
    11: 304,
    12: 400,
    13: 404,
    14: 500,
  };
  // A table size update may come first.
  const at = block.findIndex((byte) => (byte & 0xe0) !== 0x20);
  const first = block[at]!;
  if (first >= 0x80 && byNumber[first & 0x7f] !== undefined) return byNumber[first & 0x7f]!;
  const length = block[at + 1]!;
  const value = block.subarray(at + 2, at + 2 + (length & 0x7f));
  return Number((length & 0x80) === 0 ? value.toString('latin1') : digits(value));
}

/** Digits in Huffman codes: 0, 1 and 2 have five bits, the others six (RFC 7541 appendix B). */
function digits(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let text = '';
  for (let pos = 0; pos + 5 <= bits.length;) {
    const five = Number.parseInt(bits.slice(pos, pos + 5), 2);
    const six = Number.parseInt(bits.slice(pos, pos + 6), 2);
    if (five <= 2) {
      text += String(five);
      pos += 5;
    } else if (bits.length - pos >= 6 && six >= 0x19 && six <= 0x1f) {
      text += String(six - 0x16);
      pos += 6;
    } else break;
  }
  return text;
}
