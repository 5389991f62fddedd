import { spawn } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Something to probe, on a port of its own; closed with everything that is open on it at `close`. */
export interface Target {
  readonly port: number;
  /** Connections that came in. */
  readonly accepted: () => number;
  close(): Promise<void>;
}

/** A TCP server that does what the test says with each connection. */
export async function tcpTarget(serve: (socket: Socket) => void, host = '127.0.0.1'): Promise<Target> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  return listening(server, () => server.listen(0, host));
}

/** A TCP server that reads a request's head and then answers with the bytes given, or as the function does. */
export function httpTarget(answer: string | ((socket: Socket, head: string) => void)): Promise<Target> {
  return tcpTarget((socket) => {
    let head = '';
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      if (typeof answer === 'function') answer(socket, head);
      else socket.end(answer);
    });
  });
}

/** A cleartext HTTP/2 server. */
export function http2Target(
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: Promise<Buffer>) => void,
): Promise<Target> {
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const body = once(stream, 'end').then(() => Buffer.concat(chunks));
    onStream(stream, headers, body);
  });
  return listening(server, () => server.listen(0, '127.0.0.1'));
}

/** A UDP socket that hands each datagram to the test, with a way to reply. */
export async function udpTarget(
  onDatagram: (message: Buffer, reply: (text: string) => void) => void,
): Promise<Target> {
  const socket: UdpSocket = createSocket('udp4');
  socket.on('message', (message, from) => {
    onDatagram(message, (text) => socket.send(text, from.port, from.address));
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    accepted: () => 0,
    close: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const target = await tcpTarget(() => {});
  await target.close();
  return target.port;
}

/**
 * A port whose SYNs are dropped, as behind a black hole: its process is stopped and its accept queue is full.
 * `resume` lets it accept again.
 */
export async function blackHole(): Promise<Target & { resume(): void }> {
  const script = `require('node:net').createServer(() => {}).listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
    process.stdout.write(String(this.address().port));
  });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(printed.toString());
  child.kill('SIGSTOP');
  const fillers = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')));
  return {
    port,
    accepted: () => 0,
    resume: () => child.kill('SIGCONT'),
    close: async () => {
      for (const filler of fillers) filler.destroy();
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function listening(server: Server | Http2Server, listen: () => void): Promise<Target> {
  const open = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  listen();
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    accepted: () => accepted,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
