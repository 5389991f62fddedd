import { ok, strictEqual } from 'node:assert/strict';
import { Sent } from '../../../proxy/conn/sender.ts';
import type { Rng } from '../../../lib/clock.ts';
import { CoreEnd, type HeardStream } from './core-end.ts';
import {
  data,
  ErrorCode,
  Flag,
  type Frame,
  frame,
  FrameType,
  headers,
  post,
  rstStream,
  settings,
  windowUpdate,
} from './frames.ts';

const INITIAL_WINDOW_SIZE = 4;
const DEFAULT_WINDOW = 65_535;
const MAX_STREAMS = 20;
/** More than everybody says in one conversation. */
const WIDE = 10_000_000;

/** One stream as the peer knows it, and its owner on our side. */
interface Talk {
  readonly id: number;
  readonly owner: HeardStream;
  /** What the peer has said, and whether it may say more. */
  said: string;
  isHeadSaid: boolean;
  isSaid: boolean;
  /** What the peer may say still, by our window. */
  mayBeSaid: number;
  /** What the peer has got, and what it has to let us know before it gets more. */
  got: string;
  isHeadGot: boolean;
  isGot: boolean;
  window: number;
  /** What the owner has given to be sent. */
  given: string;
  isHeadGiven: boolean;
  isGiven: boolean;
  /** It was told to wait. */
  isFull: boolean;
  isLeft: boolean;
  /** By either side. */
  isReset: boolean;
}

/**
 * A peer that does at random whatever RFC 9113 allows, with an owner on our side that does, too, and checks each frame
 * that comes against what it knows: windows, the order of frames on a stream, and every byte. Fails by an assertion.
 */
export class ModelPeer {
  readonly #rng: Rng;
  readonly #end: CoreEnd;
  readonly #isServer: boolean;
  readonly #talks = new Map<number, Talk>();
  #nextId = 1;
  /** What we may send on the connection, and on a new stream. */
  #window = DEFAULT_WINDOW;
  #initialWindow = DEFAULT_WINDOW;
  /** Told, and not acknowledged. */
  readonly #told: number[] = [];
  /** What the peer may send on the connection, and on a new stream. */
  #mayBeSaid = DEFAULT_WINDOW;
  readonly #streamMayBeSaid: number;

  /** @param role of our end */
  constructor(role: 'server' | 'client', rng: Rng) {
    this.#rng = rng;
    this.#isServer = role === 'server';
    this.#end = this.#isServer ? CoreEnd.server() : CoreEnd.client();
    this.#streamMayBeSaid = this.#isServer ? DEFAULT_WINDOW : 262_144;
    this.#told.push(DEFAULT_WINDOW);
  }

  /** So many things happen; then everybody says what there is to say, and all must have come to its end. */
  async converse(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      this.#step();
      // Nobody loses patience.
      this.#end.clock.advance(1_000);
      if (this.#rng() < 0.2) await this.#hear();
    }
    await this.#finish();
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#rng() * list.length)];
  }

  #upTo(most: number): number {
    return Math.floor(this.#rng() * (most + 1));
  }

  get #open(): Talk[] {
    return [...this.#talks.values()].filter(({ isReset, isSaid, isGot }) => !isReset && !(isSaid && isGot));
  }

  // ---- what happens ----

  #step(): void {
    const talk = this.#pick(this.#open);
    if (talk === undefined || (this.#rng() < 0.1 && this.#open.length < MAX_STREAMS)) return this.#begin();
    const what = this.#upTo(99);
    if (what < 25) this.#say(talk);
    else if (what < 50) this.#give(talk);
    else if (what < 60) this.#openWindow(talk);
    else if (what < 64) this.#tellWindow(this.#upTo(100_000));
    else if (what < 70) talk.owner.stream.pause();
    else if (what < 80) talk.owner.stream.resume();
    else if (what < 84) this.#end.wire.isStalled = true;
    else if (what < 90) this.#end.wire.release();
    else if (what < 92) this.#end.take(frame(FrameType.Ping, 0, 0, Buffer.alloc(8)));
    else if (what < 94) this.#end.take(frame(FrameType.Priority, 0, talk.id, Buffer.alloc(5)));
    else if (what < 96) this.#takeBack(talk);
    else if (what < 98 && talk.isGiven && this.#isServer) this.#leave(talk);
    else if (what === 99) this.#giveUp(talk);
  }

  #begin(): void {
    const id = this.#nextId;
    this.#nextId += 2;
    let isSaid = false;
    if (this.#isServer) {
      isSaid = this.#rng() < 0.3;
      this.#end.take(headers(id, post(), isSaid ? Flag.EndStream : 0));
    } else this.#end.request(false);
    const owner = this.#end.streams.at(-1)!;
    strictEqual(owner.stream.id, id);
    const talk: Talk = {
      id,
      owner,
      said: '',
      isHeadSaid: this.#isServer,
      isSaid,
      mayBeSaid: this.#streamMayBeSaid,
      got: '',
      isHeadGot: false,
      isGot: false,
      window: this.#initialWindow,
      given: '',
      isHeadGiven: !this.#isServer,
      isGiven: false,
      isFull: false,
      isLeft: false,
      isReset: false,
    };
    this.#talks.set(id, talk);
    owner.drained = () => {
      talk.isFull = false;
    };
  }

  /** The peer says more. */
  #say(talk: Talk, isLast = this.#rng() < 0.15): void {
    const { id } = talk;
    if (talk.isSaid) return;
    if (!talk.isHeadSaid) {
      if (this.#rng() < 0.3) this.#end.take(headers(id, [[':status', '103']], 0));
      talk.isHeadSaid = true;
      talk.isSaid = isLast;
      this.#end.take(headers(id, [[':status', '200']], isLast ? Flag.EndStream : 0));
      return;
    }
    const padding = this.#rng() < 0.2 ? this.#upTo(100) : -1;
    const room = Math.min(talk.mayBeSaid, this.#mayBeSaid, 16_384) - padding - 1;
    const size = Math.min(this.#upTo(6_000), room);
    if (room < 0) return;
    const text = String.fromCharCode(97 + this.#upTo(25)).repeat(size);
    const hasTrailers = isLast && this.#rng() < 0.5;
    const flags = isLast && !hasTrailers ? Flag.EndStream : 0;
    talk.said += text;
    talk.isSaid = isLast;
    talk.mayBeSaid -= size + padding + 1;
    this.#mayBeSaid -= size + padding + 1;
    const payload = Buffer.concat([
      Buffer.of(padding),
      Buffer.from(text),
      Buffer.alloc(Math.max(0, padding)),
    ]);
    this.#end.take(
      padding < 0 ? data(id, text, flags) : frame(FrameType.Data, flags | Flag.Padded, id, payload),
    );
    if (hasTrailers) this.#end.take(headers(id, [['x-sum', '1']]));
  }

  /** The owner sends more. */
  #give(talk: Talk, isLast = this.#rng() < 0.15): void {
    const { owner } = talk;
    // A body that was held is given in its parts, told to wait or not.
    if (talk.isGiven || (talk.isFull && this.#rng() < 0.9)) return;
    if (!talk.isHeadGiven) {
      talk.isHeadGiven = true;
      talk.isGiven = isLast;
      owner.head200(isLast);
      return;
    }
    const text = String.fromCharCode(65 + this.#upTo(25)).repeat(
      this.#upTo(this.#rng() < 0.1 ? 100_000 : 3_000),
    );
    talk.given += text;
    talk.isGiven = isLast;
    const trailers = isLast && this.#rng() < 0.5 ? 'x-sum: 1\r\n' : '';
    talk.isFull = owner.send(text, isLast, trailers) === Sent.Full;
  }

  #openWindow(talk: Talk): void {
    const more = 1 + this.#upTo(50_000);
    if (this.#rng() < 0.5) {
      this.#window += more;
      this.#end.take(windowUpdate(0, more));
    } else {
      talk.window += more;
      this.#end.take(windowUpdate(talk.id, more));
    }
  }

  #tellWindow(size: number): void {
    this.#told.push(size);
    this.#end.take(settings([[INITIAL_WINDOW_SIZE, size]]));
  }

  #takeBack(talk: Talk): void {
    talk.isReset = true;
    this.#end.take(rstStream(talk.id, ErrorCode.Cancel));
  }

  #leave(talk: Talk): void {
    talk.isLeft = true;
    talk.owner.stream.leave();
  }

  #giveUp(talk: Talk): void {
    talk.isReset = true;
    talk.owner.stream.reset(ErrorCode.Cancel);
  }

  // ---- what is heard ----

  async #hear(): Promise<void> {
    for (const said of await this.#end.sent()) this.#check(said);
    for (const { owner, said, isLeft, isReset } of this.#talks.values()) {
      ok(said.startsWith(owner.content), 'what was said comes as it was said');
      const ends = owner.heard.filter((line) => line.startsWith('closed'));
      ok(ends.length <= 1, `it ends once: ${ends.join()}`);
      if (ends.length === 1 && !isReset && !isLeft) strictEqual(ends[0], 'closed 0 ended');
    }
    strictEqual(this.#end.heard.filter((line) => line.startsWith('closed')).length, 0);
  }

  #check({ type, flags, stream, payload }: Frame): void {
    const isLast = (flags & Flag.EndStream) !== 0;
    switch (type) {
      case FrameType.Settings:
        if ((flags & Flag.Ack) !== 0) this.#acknowledged();
        return;
      case FrameType.Ping:
        strictEqual(flags, Flag.Ack);
        return;
      case FrameType.WindowUpdate: {
        const more = payload.readUInt32BE();
        ok(more > 0);
        if (stream === 0) this.#mayBeSaid += more;
        else this.#talkOf(stream).mayBeSaid += more;
        return;
      }
      case FrameType.RstStream: {
        const talk = this.#talkOf(stream);
        ok(talk.isReset || (talk.isLeft && talk.isGot), 'it resets what was given up, or answered early');
        talk.isReset = true;
        return;
      }
      case FrameType.Headers: {
        const talk = this.#talkOf(stream);
        ok(!talk.isGot, 'nothing comes behind the end');
        ok(!talk.isHeadGot || isLast, 'trailers end it');
        talk.isHeadGot = true;
        talk.isGot = isLast;
        return;
      }
      case FrameType.Data: {
        const talk = this.#talkOf(stream);
        ok(talk.isHeadGot && !talk.isGot, 'content is between the head and the end');
        this.#window -= payload.length;
        talk.window -= payload.length;
        ok(this.#window >= 0, 'the window of the connection is kept');
        ok(payload.length === 0 || talk.window >= 0, 'the window of a stream is kept');
        talk.got += payload.toString();
        talk.isGot = isLast;
        ok(talk.given.startsWith(talk.got), 'what was given leaves as it was given');
        return;
      }
      default:
        throw new Error(`frame ${type} of stream ${stream}: ${payload.toString('hex')}`);
    }
  }

  #talkOf(stream: number): Talk {
    const talk = this.#talks.get(stream);
    ok(talk !== undefined, `stream ${stream} is known`);
    return talk;
  }

  #acknowledged(): void {
    const size = this.#told.shift()!;
    for (const talk of this.#talks.values()) talk.window += size - this.#initialWindow;
    this.#initialWindow = size;
  }

  // ---- the end ----

  async #finish(): Promise<void> {
    this.#end.wire.release();
    await this.#hear();
    this.#window += WIDE;
    this.#end.take(windowUpdate(0, WIDE));
    this.#tellWindow(WIDE);
    // Also those of which all was said.
    for (const { owner } of this.#talks.values()) owner.stream.resume();
    let rounds = 0;
    for (let talks = this.#open; talks.length > 0; talks = this.#open) {
      rounds += 1;
      ok(rounds < 1_000, `all ends some time: ${talks.map(({ id }) => id).join()}`);
      for (const talk of talks) {
        talk.owner.stream.resume();
        this.#say(talk, true);
        this.#give(talk, true);
      }
      this.#end.clock.advance(1_000);
      await this.#hear();
    }
    for (const { id, owner, said, got, given, isLeft, isReset } of this.#talks.values()) {
      ok(
        owner.heard.some((line) => line.startsWith('closed')),
        `stream ${id} is over`,
      );
      if (!isReset) strictEqual(got.length, given.length);
      if (!isReset && !isLeft) strictEqual(owner.content.length, said.length);
    }
    this.#end.connection.close();
    strictEqual(this.#end.heard.at(-1), 'closed ', 'there is nothing left');
  }
}
