/**
 * One demo server, a process of its own so that it can be killed: HTTP and a WebSocket echo on 900N, a TCP line echo on 901N, a UDP echo
 * on 902N, gRPC (the health service, and a service that says who it is) on 903N and HTTPS on 904N, all on loopback. Started by
 * standalone/demo.ts with N, and told what certificate to show.
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import type { DemoCertificates } from './demo-certificates.ts';

const number = Number(process.argv[2]);
const who = `server ${number}`;
const loopback = '127.0.0.1';
/** `HealthCheckResponse{status: SERVING}`. */
const SERVING = Buffer.from([8, 1]);
/** A message whose field 1 is a string. */
const name = Buffer.concat([Buffer.from([0x0a, who.length]), Buffer.from(who)]);

createServer(answer)
  .on('upgrade', echoMessages)
  .listen(9000 + number, loopback, () => process.send?.('listening'));
createTcpServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => socket.write(chunk));
}).listen(9010 + number, loopback);
const udp = createSocket('udp4');
udp.on('message', (message, from) => udp.send(message, from.port, from.address));
udp.bind(9020 + number, loopback);
createHttp2Server()
  .on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => stream.destroy());
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.resume();
    stream.end(message(headers[':path'] === '/grpc.health.v1.Health/Check' ? SERVING : name));
  })
  .listen(9030 + number, loopback);
process.once('message', ({ certificate, privateKey }: DemoCertificates['server']) => {
  createHttpsServer({ cert: certificate, key: privateKey }, answer).listen(9040 + number, loopback);
});
// The demo ends with the process that started it, however that ended.
process.on('disconnect', () => process.exit());

/** A gRPC message as it goes over HTTP/2: behind a flag and its length. */
function message(content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, 0, 0, 0, content.length]), content]);
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = URL.parse(request.url ?? '/', 'http://demo');
  if (url === null) {
    response.writeHead(400).end();
    return;
  }
  switch (url.pathname) {
    case '/healthz':
      response.end('ok\n');
      return;
    case '/prober':
      probe(url, response);
      return;
    case '/slow':
      setTimeout(() => response.end(`${who}: ${request.method} ${request.url}, after a second\n`), 1_000);
      return;
    default:
      request.resume();
      response.end(`${who}: ${request.method} ${request.url}\n`);
  }
}

/** A custom health prober: asks the endpoint it is told about. */
function probe(url: URL, response: ServerResponse): void {
  const target = `http://${url.searchParams.get('address')}:${url.searchParams.get('port')}/healthz`;
  get(target, { timeout: 300 }, (reply) => {
    reply.resume();
    response.writeHead(reply.statusCode === 200 ? 200 : 503).end();
  })
    .on('timeout', function (this: { destroy(): void }) {
      this.destroy();
    })
    .on('error', () => response.writeHead(503).end('the endpoint does not answer\n'));
}

/** Enough of RFC 6455 for somebody to try it: short messages, each in one frame, until one is a close. */
function echoMessages(request: IncomingMessage, socket: Duplex): void {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => socket.destroy());
  socket.on('data', (frame: Buffer) => {
    const [start = 0, size = 0] = frame;
    const length = size & 0x7f;
    const isText = start === 0x81 && length < 126 && frame.length === 6 + length;
    if (!isText) {
      socket.end(Buffer.from([0x88, 0]));
      return;
    }
    const text = frame.subarray(6).map((byte, i) => byte ^ frame[2 + (i % 4)]!);
    const reply = Buffer.from(`${who}: ${text.toString()}`);
    // A longer one would have its length written otherwise.
    socket.write(Buffer.concat([Buffer.from([0x81, Math.min(reply.length, 125)]), reply.subarray(0, 125)]));
  });
}
