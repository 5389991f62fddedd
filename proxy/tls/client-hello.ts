/**
 * The ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) as far as a connection is routed by it: the
 * name of the server that the client wants (RFC 6066 section 3).
 */

export type HelloReading =
  /** What has come may be the beginning of one. */
  | { readonly kind: 'incomplete' }
  | {
      readonly kind: 'hello';
      /** Lower case; undefined: the client names none. */ readonly serverName: string | undefined;
    }
  | { readonly kind: 'invalid'; readonly reason: 'not_tls' | 'bad_hello' };

const INCOMPLETE: HelloReading = { kind: 'incomplete' };
const NOT_TLS: HelloReading = { kind: 'invalid', reason: 'not_tls' };
const BAD_HELLO: HelloReading = { kind: 'invalid', reason: 'bad_hello' };

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;

const RECORD_HEAD_BYTES = 5;
const MESSAGE_HEAD_BYTES = 4;
const MAX_RECORD_BYTES = 16_384;
/** As long as a ClientHello may be; real ones have up to 2 KiB. */
const MAX_HELLO_BYTES = 65_536;

const HOST_NAME_PATTERN =
  /^(?=.{1,253}$)[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*$/;

/**
 * Reads a ClientHello that comes in pieces: of bytes, and of records. Where those end makes no difference to what is
 * read. What has come is kept once: that is all that a client can make us hold before its handshake begins.
 */
export class ClientHelloReader {
  /** All that has come. */
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where the next record begins. */
  #at = 0;
  /** Of the message, in the records so far. */
  #messageLength = 0;
  /** Of the whole message, with its head; 0: not known yet. */
  #messageEnd = 0;

  /** What has come so far. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  add(chunk: Buffer): HelloReading {
    this.#bytes = grown(this.#bytes, this.#length, chunk.length);
    chunk.copy(this.#bytes, this.#length);
    this.#length += chunk.length;
    for (;;) {
      const record = this.#takeRecord();
      if (record !== undefined) return record;
      if (this.#messageLength < MESSAGE_HEAD_BYTES) continue;
      if (this.#messageEnd === 0) {
        const head = this.#message(MESSAGE_HEAD_BYTES);
        if (head[0] !== CLIENT_HELLO) return BAD_HELLO;
        this.#messageEnd = MESSAGE_HEAD_BYTES + head.readUIntBE(1, 3);
        if (this.#messageEnd > MAX_HELLO_BYTES) return BAD_HELLO;
      }
      if (this.#messageLength >= this.#messageEnd) {
        return readHello(this.#message(this.#messageEnd).subarray(MESSAGE_HEAD_BYTES));
      }
    }
  }

  /** Counts a whole record in; an answer when there is none. */
  #takeRecord(): HelloReading | undefined {
    const bytes = this.#bytes;
    const at = this.#at;
    const left = this.#length - at;
    if (left > 0 && bytes[at] !== HANDSHAKE) return at === 0 ? NOT_TLS : BAD_HELLO;
    if (left > 1 && bytes[at + 1] !== 3) return at === 0 ? NOT_TLS : BAD_HELLO;
    if (left < RECORD_HEAD_BYTES) return INCOMPLETE;
    const size = bytes.readUInt16BE(at + 3);
    if (size === 0 || size > MAX_RECORD_BYTES) return BAD_HELLO;
    const end = at + RECORD_HEAD_BYTES + size;
    if (this.#length < end) return INCOMPLETE;
    this.#messageLength += size;
    this.#at = end;
    return undefined;
  }

  /** The beginning of the message, without the heads of its records, which have it whole. */
  #message(length: number): Buffer {
    const message = Buffer.allocUnsafe(length);
    let at = 0;
    for (let taken = 0; taken < length;) {
      const start = at + RECORD_HEAD_BYTES;
      at = start + this.#bytes.readUInt16BE(at + 3);
      taken += this.#bytes.copy(message, taken, start, at);
    }
    return message;
  }
}

/** With room for `more` bytes behind the first `length`. */
function grown(buffer: Buffer, length: number, more: number): Buffer {
  if (length + more <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafe(Math.max(length + more, buffer.length * 2));
  buffer.copy(larger, 0, 0, length);
  return larger;
}

/** Walks over bytes; past their end it is `undefined` that is read. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(size: 1 | 2): number | undefined {
    if (this.#at + size > this.#bytes.length) return undefined;
    this.#at += size;
    return this.#bytes.readUIntBE(this.#at - size, size);
  }

  take(size: number | undefined): Buffer | undefined {
    if (size === undefined || this.#at + size > this.#bytes.length) return undefined;
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  /** What has its length in front of it. */
  vector(lengthSize: 1 | 2): Buffer | undefined {
    return this.take(this.number(lengthSize));
  }
}

function readHello(body: Buffer): HelloReading {
  const cursor = new Cursor(body);
  const isWhole =
    cursor.take(2 + 32) !== undefined && // version, random
    cursor.vector(1) !== undefined && // session id
    cursor.vector(2) !== undefined && // cipher suites
    cursor.vector(1) !== undefined; // compression methods
  if (!isWhole) return BAD_HELLO;
  if (cursor.isDone) return { kind: 'hello', serverName: undefined };
  const extensions = cursor.vector(2);
  if (extensions === undefined || !cursor.isDone) return BAD_HELLO;
  return readExtensions(new Cursor(extensions));
}

function readExtensions(cursor: Cursor): HelloReading {
  let serverName: string | undefined;
  const seen = new Set<number>();
  while (!cursor.isDone) {
    const type = cursor.number(2);
    const content = cursor.vector(2);
    if (type === undefined || content === undefined || seen.has(type)) return BAD_HELLO;
    seen.add(type);
    if (type !== SERVER_NAME) continue;
    serverName = readServerName(content);
    if (serverName === undefined) return BAD_HELLO;
  }
  return { kind: 'hello', serverName };
}

/**
 * Undefined: it is none. A list of more than one name is refused: nobody could tell which of them is meant. A dot at
 * the end, which should not be there, says what it says in a URL: nothing.
 */
function readServerName(content: Buffer): string | undefined {
  const cursor = new Cursor(content);
  const list = cursor.vector(2);
  if (list === undefined || !cursor.isDone) return undefined;
  const names = new Cursor(list);
  if (names.number(1) !== HOST_NAME) return undefined;
  const name = normalServerName(names.vector(2)?.toString('latin1') ?? '');
  return names.isDone && HOST_NAME_PATTERN.test(name) ? name : undefined;
}

export function normalServerName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
