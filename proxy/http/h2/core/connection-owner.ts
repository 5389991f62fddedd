import type { Clock } from '../../../../lib/clock.ts';
import type { Deadlines } from '../../../conn/deadlines.ts';
import type { FlushQueue } from '../../../conn/flush-queue.ts';
import type { Fields } from '../hpack/fields.ts';
import type { GatherBuffers } from './gather-buffers.ts';
import { Setting } from './protocol.ts';
import type { Http2Stream } from './stream.ts';

/** What the connections of one worker share. */
export interface Http2Worker {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly flushes: FlushQueue;
  readonly gatherBuffers: GatherBuffers;
  /** What was unpacked last. */
  readonly fields: Fields;
}

/** Who has a connection. */
export interface ConnectionOwner {
  /**
   * To a server: a request begins. The owner makes itself the stream's owner, or resets it. `fields` hold until it
   * returns; they may be too many (`isTooLarge`).
   */
  opened(stream: Http2Stream, fields: Fields, isLast: boolean): void;
  /** SETTINGS of the peer came, the first ones or others. */
  settled(): void;
  /** The peer takes no further streams. Those that it has not looked at are `closed` after this. */
  goingAway(): void;
  /** The answer to a `ping`. */
  pong(): void;
  /** There are no streams any more, and never will be; told once. What is left to say is being said still. */
  closed(error: Http2Error | Error | undefined): void;
}

export interface ConnectionOptions {
  readonly role: 'server' | 'client';
  /** What a stream's peer may send before its owner has taken any of it: what a stalled stream holds at most. */
  readonly streamWindow: number;
  /** The same for a stream of which a whole window was taken already. */
  readonly grownStreamWindow: number;
  /** For all streams together. Opened as content comes, whoever takes it: a stalled stream holds up no other. */
  readonly connectionWindow: number;
  /** Of the peer, at a time. */
  readonly maxStreams: number;
  /** Of a head, unpacked. */
  readonly maxHeadBytes: number;
  readonly maxFields: number;
}

/** The SETTINGS that we begin with (RFC 9113 section 6.5.2); the others stay as they are by default. */
export function announced(
  options: ConnectionOptions,
): readonly (readonly [setting: number, value: number])[] {
  const { role, streamWindow, maxStreams, maxHeadBytes } = options;
  return [
    role === 'client' ? [Setting.EnablePush, 0] : [Setting.MaxConcurrentStreams, maxStreams],
    [Setting.InitialWindowSize, streamWindow],
    [Setting.MaxHeaderListSize, maxHeadBytes],
  ];
}

/** What we end a connection for. */
export class Http2Error extends Error {
  readonly code = 'ERR_HTTP2';
  /** Of RFC 9113 section 7. */
  readonly http2Code: number;

  constructor(http2Code: number, message: string) {
    super(message);
    this.http2Code = http2Code;
  }
}
