import type { Http2Stream } from 'node:http2';

/** What both sides of an exchange hear of their stream. */
export interface StreamOwner {
  data(bytes: Buffer): void;
  trailers(fields: readonly string[]): void;
  end(): void;
  drained(): void;
  wantTrailers(): void;
  closed(): void;
}

export const OWNER = Symbol('owner');

/** A stream that knows whom to tell: its listeners are one function for all streams, rather than one for each. */
export type Owned<Stream, Owner extends StreamOwner = StreamOwner> = Stream & { [OWNER]?: Owner };

type OwnedStream = Owned<Http2Stream>;

function onData(this: OwnedStream, bytes: Buffer): void {
  this[OWNER]!.data(bytes);
}

function onTrailers(this: OwnedStream, _headers: unknown, _flags: number, fields: readonly string[]): void {
  this[OWNER]!.trailers(fields);
}

function onEnd(this: OwnedStream): void {
  this[OWNER]!.end();
}

function onDrain(this: OwnedStream): void {
  this[OWNER]!.drained();
}

function onWantTrailers(this: OwnedStream): void {
  this[OWNER]!.wantTrailers();
}

function onClose(this: OwnedStream): void {
  this[OWNER]!.closed();
}

/** The listeners, by event. */
export const tellOwner = {
  data: onData,
  trailers: onTrailers,
  end: onEnd,
  drain: onDrain,
  wantTrailers: onWantTrailers,
  close: onClose,
} as const;
