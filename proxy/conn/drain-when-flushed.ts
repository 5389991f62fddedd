import type { Socket } from 'node:net';

/**
 * Has `drain` come as soon as nothing waits to be written, also when what waits is below the high-water mark. For who
 * reads on only then, so that one read is all that is ever held.
 */
export function drainWhenFlushed(socket: Socket): void {
  if (socket.writableNeedDrain) return;
  socket.write('', (error) => {
    if (!error) socket.emit('drain');
  });
}
