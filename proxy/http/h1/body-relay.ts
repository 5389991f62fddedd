import type { Pieces } from '../../conn/sender.ts';
import { CHUNK_END, chunkStart, lastChunk } from './chunk-framing.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';
import { mayBeRequest } from './disguise.ts';
import { type Fault, REFUSED } from './fault.ts';
import type { ResponseBody } from './response-head.ts';

/**
 * How a body is framed on a connection. `frames`: it comes or goes as content alone, whose end is told otherwise, as
 * HTTP/2 does.
 */
export type BodyFraming = ResponseBody | 'frames';

/** The length of a body in frames that announces none. */
export const UNANNOUNCED = -1;

/** What goes on of a body after one `read` or `end`. */
export interface BodyPiece extends Pieces {
  /** The ranges are content, and nothing else: what frames it, if anything does, is before and after them. */
  readonly isContent: boolean;
  /** Nothing follows. */
  readonly done: boolean;
  /**
   * When `done`: the trailer lines that may be passed on (A18), latin1, each with its line end; empty without any. A
   * body that goes on in chunks has them in its last piece already.
   */
  readonly trailers: string;
}

/** The end of a body, and nothing of it. */
export const NO_PIECE: BodyPiece = {
  isContent: true,
  before: '',
  after: '',
  ranges: new Int32Array(0),
  rangeCount: 0,
  done: true,
  trailers: '',
};

/**
 * One body on its way from one connection to the other: reads the framing of the side it comes from, strictly, and
 * puts out the framing of the side it goes to. After `read`, the pieces to send are ranges of the bytes that were
 * given, with text around them. Reused from body to body.
 */
export class BodyRelay implements BodyPiece {
  before = '';
  after = '';
  rangeCount = 0;
  readonly ranges: Int32Array;
  /** The end of the body has been read. */
  done = true;
  /** Bytes of content so far, without framing. */
  content = 0;
  trailers = '';
  fault: Fault = 'chunk_size';
  /** Not chunked, and could be taken for a request; see `mayBeRequest`. Known once any of it was read. */
  isDisguised = false;

  #from: BodyFraming = 'none';
  #to: BodyFraming = 'none';
  /** Of a body with a length: what is missing; Infinity: frames of no announced length. */
  #left = 0;
  #decoder: ChunkedDecoder | undefined;

  get isContent(): boolean {
    return this.#decoder === undefined;
  }

  /** What it puts out is copied on its way, so that nothing is gained by larger reads. */
  get isCopied(): boolean {
    return this.#to === 'frames';
  }

  /** Relays of one thread share `ranges`: what one puts out is sent before another reads. */
  constructor(ranges: Int32Array) {
    this.ranges = ranges;
  }

  /**
   * A body that comes framed as `from`, of `length` bytes if that says so, and goes on as `to`. Frames may have
   * announced a length, which must hold then, or else be `UNANNOUNCED`.
   */
  reset(from: BodyFraming, length: number, to: BodyFraming): void {
    this.#from = from;
    this.#to = to;
    this.#left = length === UNANNOUNCED ? Infinity : length;
    this.#decoder =
      from === 'chunked'
        ? new ChunkedDecoder(to === 'chunked' ? 'framed' : 'content', this.ranges)
        : undefined;
    this.content = 0;
    this.trailers = '';
    this.isDisguised = false;
    this.done = from === 'none' || (from === 'length' && length === 0);
    this.#clear();
  }

  /**
   * Takes from `bytes[start, end)`. Answers how many it took: fewer than given when the body is done, or when that is
   * all the pieces it can hold (send them and call again). `REFUSED` sets `fault`.
   */
  read(bytes: Buffer, start: number, end: number): number {
    this.#clear();
    if (this.done) return 0;
    if (this.#decoder !== undefined) return this.#readChunked(this.#decoder, bytes, start, end);
    if (this.#from === 'frames' && end - start > this.#left) return this.#refuse('cl_mismatch');
    const taken = this.#from === 'length' ? Math.min(end - start, this.#left) : end - start;
    if (this.content === 0 && this.#to === 'length')
      this.isDisguised = mayBeRequest(bytes, start, start + taken);
    this.content += taken;
    if (this.#from !== 'until-close') {
      this.#left -= taken;
      this.done = this.#from === 'length' && this.#left === 0;
    }
    if (taken === 0) return 0;
    this.ranges[0] = start;
    this.ranges[1] = start + taken;
    this.rangeCount = 1;
    if (this.#to === 'chunked') {
      this.before = chunkStart(taken);
      this.after = CHUNK_END;
    }
    return taken;
  }

  /**
   * The connection it comes from has ended, or the stream of its frames has, with these trailers. True: so has the
   * body, and there may be a last piece to send. False: it is incomplete.
   *
   * @param trailers lines that may be passed on, as in `BodyPiece`
   */
  end(trailers = ''): boolean {
    this.#clear();
    if (!this.#endsWithItsSource) return false;
    this.done = true;
    this.trailers = trailers;
    if (this.#to === 'chunked') this.after = lastChunk(trailers);
    return true;
  }

  get #endsWithItsSource(): boolean {
    if (this.#from === 'until-close') return true;
    return this.#from === 'frames' && (this.#left === 0 || this.#left === Infinity);
  }

  #refuse(fault: Fault): typeof REFUSED {
    this.fault = fault;
    return REFUSED;
  }

  #readChunked(decoder: ChunkedDecoder, bytes: Buffer, start: number, end: number): number {
    const taken = decoder.decode(bytes, start, end);
    if (taken === REFUSED) return this.#refuse(decoder.fault);
    this.before = decoder.before;
    this.after = decoder.after;
    this.rangeCount = decoder.rangeCount;
    this.content = decoder.contentBytes;
    this.done = decoder.done;
    this.trailers = decoder.trailers;
    return taken;
  }

  #clear(): void {
    this.before = '';
    this.after = '';
    this.rangeCount = 0;
  }
}

/** Pieces for two directions of one thread, one after the other. */
export function sharedRanges(): Int32Array {
  return new Int32Array(512);
}
