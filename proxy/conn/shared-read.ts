import { Socket } from 'node:net';

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
  readonly callback: symbol;
}

type Opened = Socket & {
  [internal: symbol]: unknown;
  readonly _handle?: { useUserBuffer?: (buffer: Buffer) => void } | null;
};

/** Hands what `socket` reads to `take`: out of the shared `buffer` where this Node lets us, else as it comes. */
export function readInto(socket: Socket, buffer: Buffer, take: TakeBytes): void {
  const handle = (socket as Opened)._handle;
  if (internals === undefined || typeof handle?.useUserBuffer !== 'function') {
    socket.on('data', (bytes: Buffer) => take(bytes, bytes.length));
    return;
  }
  (socket as Opened)[internals.buffer] = buffer;
  (socket as Opened)[internals.callback] = (length: number) => {
    take(buffer, length);
  };
  handle.useUserBuffer(buffer);
  socket.resume();
}

/** Do accepted sockets read into the shared buffer? */
export const readsAreShared: boolean = internals !== undefined;

function findInternals(): Internals | undefined {
  const probe = new Socket({ onread: { buffer: Buffer.alloc(1), callback: () => true } });
  const symbols = Object.getOwnPropertySymbols(probe);
  const named = (name: string) => symbols.find((symbol) => symbol.description === name);
  const buffer = named('kBuffer');
  const callback = named('kBufferCb');
  probe.destroy();
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback };
}
