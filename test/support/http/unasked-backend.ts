/** A backend in a thread of its own: 50 ms after each first answer it says something that nobody asked for. */
import { createServer, type AddressInfo } from 'node:net';
import { parentPort } from 'node:worker_threads';

const answer = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const server = createServer((socket) => {
  let answered = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', () => {
    socket.write(answer('good'));
    answered += 1;
    if (answered === 1) setTimeout(() => socket.write(answer('unsolicited')), 50);
  });
});
server.listen(0, '127.0.0.1', () => parentPort!.postMessage((server.address() as AddressInfo).port));
