import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** What is used of Node's inside. */
interface Handle {
  /** Does the stream want to be read? */
  readonly reading?: unknown;
  /** Answers 0 when reading has begun, and `UV_EALREADY` when it went on all the time. */
  readonly readStart?: () => number;
}

/**
 * Makes a TLS connection fail that ends without TLS having said goodbye (`close_notify`). Anybody on the way can end
 * the TCP connection beneath, so what came may not be all there was (RFC 8446 section 6.1, RFC 9112 section 9.8); Node
 * says `end` either way. The two are told apart by what has stopped being read: after a goodbye TCP is still read, at
 * the end of TCP it is not. Where Node does not show that, an end is an end.
 */
export function failWhenCutShort(socket: TLSSocket, encrypted: Socket): void {
  const push = socket.push.bind(socket);
  const pushChecked: TLSSocket['push'] = (chunk: unknown, encoding) => {
    if (chunk !== null || !isCutShort(socket, encrypted)) return push(chunk, encoding);
    socket.destroy(Object.assign(new Error('TLS was cut short'), { code: 'NO_CLOSE_NOTIFY' }));
    return false;
  };
  Object.assign(socket, { push: pushChecked });
}

/** To be asked the moment that Node reports the end. */
function isCutShort(socket: TLSSocket, encrypted: Socket): boolean {
  // Before that the handshake has failed, and Node says so.
  if ((socket as { secureConnecting?: unknown }).secureConnecting !== false) return false;
  // Who is not reading has not been told of TCP's end.
  if (handleOf(socket)?.reading !== true) return false;
  return handleOf(encrypted)?.readStart?.() === 0;
}

function handleOf(socket: Socket): Handle | undefined {
  return (socket as { _handle?: Handle | null })._handle ?? undefined;
}
