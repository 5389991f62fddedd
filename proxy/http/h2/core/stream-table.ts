import type { Http2Stream } from './stream.ts';

/** How a stream has ended. */
export const Ending = {
  /** Not known, or not any more. */
  Unknown: 0,
  /** Both sides have said all. */
  Complete: 1,
  ByPeer: 2,
  /** The peer may not have heard of it when it sends on. */
  ByUs: 3,
} as const;

const SLOTS = 128;

/** The streams of a connection by id, and how the last ones of them have ended, for frames that come too late. */
export class StreamTable {
  readonly #isServer: boolean;
  readonly #open = new Map<number, Http2Stream>();
  /** The highest id of each side. */
  lastOfPeer = 0;
  lastOfOurs = -1;
  /** By every second id: those of one side. */
  #ids: Uint32Array | undefined;
  #endings: Uint8Array | undefined;

  constructor(isServer: boolean) {
    this.#isServer = isServer;
  }

  /** Of those that are open. */
  get size(): number {
    return this.#open.size;
  }

  get(id: number): Http2Stream | undefined {
    return this.#open.get(id);
  }

  values(): Iterable<Http2Stream> {
    return this.#open.values();
  }

  add(stream: Http2Stream): void {
    this.#open.set(stream.id, stream);
  }

  remove({ id }: Http2Stream, ending: number): void {
    this.#open.delete(id);
    this.#keep(id, ending);
  }

  /** A stream that is never opened. */
  refuse(id: number): void {
    this.#keep(id, Ending.ByUs);
  }

  clear(): void {
    this.#open.clear();
  }

  /** Has a stream of this number never been open? Those that were skipped are closed (RFC 9113 section 5.1.1). */
  isIdle(id: number): boolean {
    const isOfPeer = ((id & 1) === 1) === this.#isServer;
    return id === 0 || id > (isOfPeer ? this.lastOfPeer : this.lastOfOurs);
  }

  #keep(id: number, ending: number): void {
    this.#ids ??= new Uint32Array(SLOTS);
    this.#endings ??= new Uint8Array(SLOTS);
    const slot = (id >>> 1) % SLOTS;
    this.#ids[slot] = id;
    this.#endings[slot] = ending;
  }

  /** `Ending` of a stream. */
  endingOf(id: number): number {
    const slot = (id >>> 1) % SLOTS;
    return this.#ids?.[slot] === id ? this.#endings![slot]! : Ending.Unknown;
  }
}
