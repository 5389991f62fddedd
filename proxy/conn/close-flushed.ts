import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * Closes a connection on which nothing is left unread, so that closing at once resets nothing; cheaper than ending it
 * first. TLS has to say goodbye, or its peer takes what it got for cut short.
 */
export function closeFlushed(socket: Socket): void {
  if (socket.writableLength === 0 && !(socket instanceof TLSSocket)) socket.destroy();
  else socket.destroySoon();
}
