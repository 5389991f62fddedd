import { connect, type Socket } from 'node:net';

const AT_ONCE = 100;

/** How far a client gets before it leaves: what it sends, and whether it waits for the answer to begin. */
const STAGES: readonly { readonly send: string; readonly reads?: true }[] = [
  { send: '' },
  { send: 'GET /ok HTTP/1.1\r\nHost: a' },
  { send: 'POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome' },
  { send: 'GET /never HTTP/1.1\r\nHost: a\r\n\r\n' },
  { send: 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n', reads: true },
];

/** Clients that connect and leave, half of them with a reset, at every stage of a request. See `mixedBackend`. */
export async function abortRequests(port: number, count: number): Promise<void> {
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      await abortOne(port, begun);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

function abortOne(port: number, number: number): Promise<void> {
  const { send, reads } = STAGES[number % STAGES.length]!;
  const leave = (socket: Socket): unknown => (number % 2 === 0 ? socket.destroy() : socket.resetAndDestroy());
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve());
    socket.once('connect', () => {
      if (send !== '') socket.write(send, 'latin1');
      // The next turn: what was sent is on its way.
      if (reads === undefined) setImmediate(() => leave(socket));
    });
    if (reads === true) socket.once('data', () => leave(socket));
  });
}
