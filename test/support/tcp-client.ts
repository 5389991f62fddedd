import { connect, type Socket } from 'node:net';

/** What a client got until its connection ended. */
export interface Conversation {
  readonly bytes: Buffer;
  /** Undefined: it ended in good order. */
  readonly error: string | undefined;
}

export function dialTcp(port: number, host = '127.0.0.1'): Socket {
  return connect({ port, host, allowHalfOpen: true, noDelay: true });
}

/** Everything that comes until the end, or the error. */
export function readAll(socket: Socket): Promise<Conversation> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk as Buffer));
    socket.once('end', () => resolve({ bytes: Buffer.concat(chunks), error: undefined }));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ bytes: Buffer.concat(chunks), error: error.code ?? error.message }),
    );
  });
}

/** Sends, ends, and reads to the end. */
export async function converse(port: number, send: string | Buffer = ''): Promise<Conversation> {
  const socket = dialTcp(port);
  const all = readAll(socket);
  socket.end(send);
  const conversation = await all;
  socket.destroy();
  return conversation;
}
