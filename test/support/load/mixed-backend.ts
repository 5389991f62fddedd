import { createHash } from 'node:crypto';
import { ok, ScriptedBackend, type Conversation } from '../http/backend.ts';

/** More than sockets and the proxy hold, so that who reads none of it stops it. */
const BIG = 8 * 1_048_576;

/**
 * A backend that does what the path says: `/ok` answers, `/big` answers with 8 MiB, `/never` does not answer, `/half`
 * breaks its answer off, `/reset` resets instead of answering, `/500` fails, `/ws` switches to WebSocket and says nothing more.
 */
export function mixedBackend(): Promise<ScriptedBackend> {
  const big = Buffer.alloc(BIG, 'x');
  return ScriptedBackend.start(({ request, socket }: Conversation) => {
    switch (request.target) {
      case '/big':
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n`);
        socket.write(big);
        break;
      case '/never':
        break;
      case '/half':
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
        break;
      case '/reset':
        socket.resetAndDestroy();
        break;
      case '/500':
        socket.write('HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n');
        break;
      case '/ws':
        socket.write(switching(request.header('sec-websocket-key') ?? ''));
        break;
      default:
        socket.write(ok('ok'));
    }
  });
}

function switching(key: string): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return (
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`
  );
}
