import { connect } from 'node:net';
import type { Rng } from '../../../lib/clock.ts';

const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

/**
 * Upgrades, sends these frames whatever comes back, in pieces that `rng` cuts, and answers all that the server sent
 * behind its 101 until it ended the connection.
 */
export function rawConversation(port: number, frames: readonly Buffer[], rng: Rng): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  let received: Buffer = Buffer.alloc(0);
  let isSwitched = false;
  socket.write(UPGRADE);
  return new Promise((resolve, reject) => {
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const end = received.indexOf('\r\n\r\n');
      if (isSwitched || end === -1) return;
      isSwitched = true;
      received = received.subarray(end + 4);
      void send(Buffer.concat(frames));
    });
    // A server that has closed for good may reset what is still being sent to it.
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      if (isSwitched) resolve(received);
      else reject(new Error('no 101'));
    });
    const send = async (bytes: Buffer): Promise<void> => {
      for (let at = 0; at < bytes.length && socket.writable;) {
        const size = rng() < 0.5 ? 1 + Math.floor(rng() * 20) : 1 + Math.floor(rng() * 100_000);
        await new Promise((resolve) => socket.write(bytes.subarray(at, at + size), resolve));
        if (rng() < 0.3) await new Promise((resolve) => setImmediate(resolve));
        at += size;
      }
    };
  });
}
