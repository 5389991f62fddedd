import { Socket } from 'node:net';

/** What `net.connect` takes as `onread`. */
export interface ReadOptions {
  readonly buffer: Buffer | (() => Buffer);
  /** False stops reading until `resume`. */
  readonly callback: (bytes: number, buffer: Buffer) => boolean;
}

/** Takes `buffer[0, length)`, which is overwritten by the next read of any connection. */
type TakeBytes = (buffer: Buffer, length: number) => void;

/**
 * `net.connect` reads into a buffer that it is given (`onread`); for accepted sockets `net.Server` has no such option,
 * though the socket is the same. What the option would have set is set here. Worth a sixth of the CPU time of a small
 * request: a `data` event allocates a buffer for each read.
 */
const internals = findInternals();

interface Internals {
  readonly buffer: symbol;
  readonly generator: symbol;
  readonly callback: symbol;
}

type Opened = Socket & {
  [internal: symbol]: unknown;
  readonly _handle?: { useUserBuffer?: (buffer: Uint8Array) => void } | null;
};

/** Hands what `socket` reads to `take`: out of the shared `buffer` where this Node lets us, else as it comes. */
export function readInto(socket: Socket, buffer: Buffer, take: TakeBytes): void {
  const callback = (length: number): boolean => {
    take(buffer, length);
    return true;
  };
  const isShared = readWith(socket, { buffer, callback });
  // What came before, or was put back.
  while (socket.readableLength > 0) {
    const early = socket.read() as Buffer | null;
    if (early === null) break;
    take(early, early.length);
  }
  if (!isShared) socket.on('data', (bytes: Buffer) => take(bytes, bytes.length));
  // A fresh socket reads already.
  else if (socket.readableFlowing !== null) socket.resume();
}

/**
 * Makes an open socket read from now on as if it had been made with `onread`. What it has read before is still to be
 * had by `read()`. False: this Node does not let us.
 */
export function readWith(socket: Socket, { buffer, callback }: ReadOptions): boolean {
  const opened = socket as Opened;
  const handle = opened._handle;
  if (internals === undefined || typeof handle?.useUserBuffer !== 'function') return false;
  const first = typeof buffer === 'function' ? buffer() : buffer;
  opened[internals.buffer] = first;
  opened[internals.generator] = typeof buffer === 'function' ? buffer : null;
  opened[internals.callback] = callback;
  handle.useUserBuffer(first);
  return true;
}

/** Whoever read a socket that has closed is not referred to by it any more, however it was made to read. */
export function forgetReader(socket: Socket): void {
  const opened = socket as Opened;
  if (internals === undefined || opened[internals.callback] === null) return;
  opened[internals.generator] = null;
  opened[internals.callback] = null;
}

/** As `readWith`, with a copy of each read where this Node does not let us. */
export function readAs(socket: Socket, options: ReadOptions): void {
  if (readWith(socket, options)) return;
  const { buffer, callback } = options;
  socket.on('data', (bytes: Buffer) => {
    for (let at = 0; at < bytes.length;) {
      const target = typeof buffer === 'function' ? buffer() : buffer;
      const taken = bytes.copy(target, 0, at);
      at += taken;
      if (!callback(taken, target)) socket.pause();
    }
  });
}

function findInternals(): Internals | undefined {
  const probe = new Socket({ onread: { buffer: Buffer.alloc(1), callback: () => true } });
  const symbols = Object.getOwnPropertySymbols(probe);
  const named = (name: string) => symbols.find((symbol) => symbol.description === name);
  const buffer = named('kBuffer');
  const generator = named('kBufferGen');
  const callback = named('kBufferCb');
  probe.destroy();
  if (buffer === undefined || generator === undefined || callback === undefined) return undefined;
  return { buffer, generator, callback };
}
