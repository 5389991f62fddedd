import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer as createHttpServer, get, type Server as HttpServer } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { KeyPair } from '../../controller/trust/authority.ts';

export interface ExamplePorts {
  readonly http: number;
  readonly tcp: number;
  readonly udp: number;
  readonly grpc: number;
  readonly https: number;
}

/** A stand-in for one of the demo servers that the examples send to, on the ports it is told, and easy to kill. */
export class ExampleServer {
  readonly name: string;
  readonly #ports: ExamplePorts;
  readonly #certificate: KeyPair;
  readonly #sockets = new Set<Socket>();
  #servers: (HttpServer | Http2Server | Server)[] = [];
  #udp: UdpSocket | undefined;
  /** Requests to /slow that are being answered now. */
  slow = 0;
  /** Lets every request to /slow be answered. */
  readonly #release: (() => void)[] = [];

  constructor(name: string, ports: ExamplePorts, certificate: KeyPair) {
    this.name = name;
    this.#ports = ports;
    this.#certificate = certificate;
  }

  async start(): Promise<void> {
    const http = createHttpServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://x');
      if (url.pathname === '/healthz') response.end('ok\n');
      else if (url.pathname === '/prober') probe(url, (ok) => response.writeHead(ok ? 200 : 503).end());
      else if (url.pathname === '/slow') {
        this.slow += 1;
        this.#release.push(() => {
          this.slow -= 1;
          response.end(this.name);
        });
      } else {
        request.resume();
        request.on('end', () => response.end(this.name));
      }
    });
    const webSocket = new WebSocketServer({ noServer: true });
    webSocket.on('connection', (socket) => {
      socket.on('message', (message) => socket.send(`${this.name}: ${(message as Buffer).toString()}`));
    });
    http.on('upgrade', (request, socket, head) => {
      webSocket.handleUpgrade(request, socket, head, (client) =>
        webSocket.emit('connection', client, request),
      );
    });
    const tcp = createTcpServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (chunk) => {
        const text = String(chunk);
        socket.write(text.startsWith('PING') ? text : `${this.name}: ${text}`);
      });
    });
    const grpc = createHttp2Server().on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.on('error', () => stream.destroy());
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      const isCheck = headers[':path'] === '/grpc.health.v1.Health/Check';
      const content = isCheck ? Buffer.from([8, 1]) : Buffer.from(this.name);
      stream.resume();
      stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, content.length]), content]));
    });
    const { certificate: cert, privateKey: key } = this.#certificate;
    const https = createHttpsServer({ cert, key }, (_, response) => response.end(this.name));
    this.#servers = [http, tcp, grpc, https];
    for (const server of this.#servers) {
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket));
      });
    }
    await Promise.all([
      listen(http, this.#ports.http),
      listen(tcp, this.#ports.tcp),
      listen(grpc, this.#ports.grpc),
      listen(https, this.#ports.https),
    ]);
    const udp = createSocket('udp4');
    udp.on('message', (message, from) => {
      const text = String(message);
      udp.send(text.startsWith('PING') ? text : `${this.name}: ${text}`, from.port, from.address);
    });
    await new Promise<void>((resolve) => udp.bind(this.#ports.udp, '127.0.0.1', resolve));
    this.#udp = udp;
  }

  releaseSlow(): void {
    for (const release of this.#release.splice(0)) release();
  }

  /** Nothing answers on its ports any more, and what was open is reset. */
  async kill(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#udp?.close();
    this.#udp = undefined;
    this.#servers = [];
    await Promise.all(closed);
  }
}

function listen(server: HttpServer | Http2Server | Server, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}

function probe(url: URL, answer: (ok: boolean) => void): void {
  const target = `http://${url.searchParams.get('address')}:${url.searchParams.get('port')}/healthz`;
  get(target, (reply) => {
    reply.resume();
    answer(reply.statusCode === 200);
  }).on('error', () => answer(false));
}
