import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { Deadline, Deadlines } from '../../../proxy/conn/deadlines.ts';
import { FlushQueue } from '../../../proxy/conn/flush-queue.ts';
import type { Sent } from '../../../proxy/conn/sender.ts';
import { Http2Connection } from '../../../proxy/http/h2/core/connection.ts';
import type { ConnectionOptions, ConnectionOwner } from '../../../proxy/http/h2/core/connection-owner.ts';
import { GatherBuffers } from '../../../proxy/http/h2/core/gather-buffers.ts';
import type { EndedBy, Http2Stream, StreamOwner } from '../../../proxy/http/h2/core/stream.ts';
import { Fields } from '../../../proxy/http/h2/hpack/fields.ts';
import { FakeClock } from '../fake-clock.ts';
import { FrameReader } from './frame-reader.ts';
import { type Frame, FrameType, PREFACE, settings } from './frames.ts';

const SERVER: ConnectionOptions = {
  role: 'server',
  streamWindow: 65_535,
  grownStreamWindow: 262_144,
  connectionWindow: 1_048_576,
  maxStreams: 100,
  maxHeadBytes: 16_384,
  maxFields: 300,
};

const CLIENT: ConnectionOptions = {
  ...SERVER,
  role: 'client',
  maxStreams: 0,
  streamWindow: 262_144,
  grownStreamWindow: 262_144,
};

const IDLE_MS = 3_600_000;

/** A socket that goes nowhere: what is written to it is kept, and taken at once unless it is `stalled`. */
class Wire extends Duplex {
  readonly writes: Buffer[] = [];
  #release: (() => void) | undefined;
  isStalled = false;

  override _read(): void {}

  override _write(bytes: Buffer, _: BufferEncoding, done: () => void): void {
    this.writes.push(Buffer.from(bytes));
    if (this.isStalled) this.#release = done;
    else done();
  }

  /** Takes all that it is given again. */
  release(): void {
    this.isStalled = false;
    this.#release?.();
    this.#release = undefined;
  }
}

/** What the owner of a stream heard, as text. */
export class HeardStream implements StreamOwner {
  stream!: Http2Stream;
  readonly heard: string[] = [];
  content = '';

  head(fields: Fields, isInterim: boolean, isLast: boolean): void {
    this.heard.push(`${isInterim ? 'interim' : 'head'} ${namesOf(fields)}${isLast ? ' last' : ''}`);
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.content += bytes.toString('latin1', start, end);
  }

  trailers(fields: Fields): void {
    this.heard.push(`trailers ${namesOf(fields)}`);
  }

  end(): void {
    this.heard.push(`end ${this.content.length}`);
  }

  drained(): void {
    this.heard.push('drained');
  }

  closed(code: number, by: EndedBy): void {
    this.heard.push(`closed ${code} ${by}`);
  }

  /** Sends a head, and nothing else when it is the last. */
  head200(isLast = false): void {
    this.stream.beginHead()!.status(200);
    this.stream.sendHead(isLast);
  }

  send(content: string | Buffer, done = false, trailers = ''): Sent {
    const bytes = Buffer.from(content as string);
    const rangeCount = bytes.length === 0 ? 0 : 1;
    return this.stream.send(bytes, { ranges: Int32Array.of(0, bytes.length), rangeCount, done, trailers });
  }
}

/** One end of an HTTP/2 connection without a network: frames go in, frames come out. */
export class CoreEnd implements ConnectionOwner {
  readonly clock = new FakeClock();
  readonly wire = new Wire();
  readonly connection: Http2Connection;
  readonly streams: HeardStream[] = [];
  /** What the owner of the connection heard. */
  readonly heard: string[] = [];
  readonly #reader = new FrameReader();
  readonly #frames: Frame[] = [];
  #read = 0;
  /** Does something with each request as it comes. */
  onRequest: (stream: HeardStream) => void = () => undefined;

  constructor(options: Partial<ConnectionOptions> = {}) {
    const all = { ...(options.role === 'client' ? CLIENT : SERVER), ...options };
    const worker = {
      clock: this.clock,
      deadlines: new Deadlines(this.clock),
      flushes: new FlushQueue(),
      gatherBuffers: new GatherBuffers(),
      fields: new Fields(),
    };
    // As an owner does for the time in which nothing comes.
    worker.deadlines.set(new Deadline(() => {}), IDLE_MS);
    this.connection = new Http2Connection(worker, this.wire as unknown as Socket, this, all);
  }

  /** A server whose client has shaken hands. */
  static server(options: Partial<ConnectionOptions> = {}, start = settings()): CoreEnd {
    const end = new CoreEnd({ ...options, role: 'server' });
    end.take(PREFACE, start);
    return end;
  }

  /** A client whose server has. */
  static client(options: Partial<ConnectionOptions> = {}, start = settings()): CoreEnd {
    const end = new CoreEnd({ ...options, role: 'client' });
    end.take(start);
    return end;
  }

  take(...frames: readonly Buffer[]): void {
    for (const bytes of frames) this.connection.receive(bytes, 0, bytes.length);
  }

  /** A stream of this end, with its head sent. */
  request(isLast = true): HeardStream {
    const heard = new HeardStream();
    const stream = this.connection.openStream(heard);
    heard.stream = stream;
    stream.beginHead()!.field(':method', 'GET');
    stream.sendHead(isLast);
    this.streams.push(heard);
    return heard;
  }

  /** The frames that were sent since the last call. */
  async sent(): Promise<Frame[]> {
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const bytes = Buffer.concat(this.wire.writes.slice(this.#read));
    this.#read = this.wire.writes.length;
    const hasPreface = bytes.subarray(0, PREFACE.length).equals(PREFACE);
    const frames = this.#reader.read(hasPreface ? bytes.subarray(PREFACE.length) : bytes);
    this.#frames.push(...frames);
    return frames;
  }

  /** What was sent since the last call, a line for each frame. */
  async said(): Promise<string[]> {
    return (await this.sent()).map(described);
  }

  // ---- ConnectionOwner ----

  opened(stream: Http2Stream, fields: Fields, isLast: boolean): void {
    const heard = new HeardStream();
    heard.stream = stream;
    stream.owner = heard;
    heard.heard.push(`request ${namesOf(fields)}${isLast ? ' last' : ''}`);
    this.streams.push(heard);
    this.onRequest(heard);
  }

  settled(): void {
    this.heard.push('settled');
  }

  goingAway(): void {
    this.heard.push('goaway');
  }

  pong(): void {
    this.heard.push('pong');
  }

  closed(error: Error | undefined): void {
    this.heard.push(`closed ${error?.message ?? ''}`);
  }
}

function namesOf(fields: Fields): string {
  if (fields.isTooLarge) return 'too large';
  return Array.from({ length: fields.count }, (_, i) => `${fields.name(i)}=${fields.value(i)}`).join(' ');
}

const NAMES = Object.fromEntries(Object.entries(FrameType).map(([name, type]) => [type, name]));

/** `Data 1 +5 end`, `RstStream 3 code 8`, `Goaway last 1 code 0`. */
function described({ type, flags, stream, payload }: Frame): string {
  const name = NAMES[type] ?? String(type);
  switch (type) {
    case FrameType.Data:
      return `${name} ${stream} +${payload.length}${(flags & 1) === 0 ? '' : ' end'}`;
    case FrameType.Headers:
      return `${name} ${stream}${(flags & 1) === 0 ? '' : ' end'}`;
    case FrameType.RstStream:
      return `${name} ${stream} code ${payload.readUInt32BE()}`;
    case FrameType.Goaway:
      return `${name} last ${payload.readUInt32BE()} code ${payload.readUInt32BE(4)}`;
    case FrameType.WindowUpdate:
      return `${name} ${stream} +${payload.readUInt32BE()}`;
    case FrameType.Ping:
    case FrameType.Settings:
      return `${name}${(flags & 1) === 0 ? '' : ' ack'}`;
    default:
      return `${name} ${stream}`;
  }
}
