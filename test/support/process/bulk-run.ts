import { once } from 'node:events';
import {
  createServer as createHttpServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, createServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { freePorts } from '../free-ports.ts';
import { countExact, sendBytes } from './byte-stream.ts';
import { poolManifest } from './manifests.ts';
import { ProxyProcess } from './proxy-process.ts';

export interface BulkResult {
  /** Bytes that arrived as they were sent. */
  readonly exact: number;
  /** The most that the proxy's memory has grown meanwhile. */
  readonly grownKiB: number;
  readonly seconds: number;
}

export type BulkRun = (typeof RUNS)[number];

/** By what carries the bytes, and to whom. */
export const RUNS = [
  'response with a length',
  'response in chunks',
  'request with a length',
  'request in chunks',
  'TCP to the client',
  'TCP to the backend',
] as const;

/** A proxy process between this process's clients and backends, through which bodies of any size are sent. */
export class BulkBench {
  readonly #proxy: ProxyProcess;
  readonly #ports: { readonly http: number; readonly tcp: number };
  readonly #http: Server;
  readonly #tcp: TcpServer;

  private constructor(
    proxy: ProxyProcess,
    ports: { http: number; tcp: number },
    servers: { http: Server; tcp: TcpServer },
  ) {
    this.#proxy = proxy;
    this.#ports = ports;
    this.#http = servers.http;
    this.#tcp = servers.tcp;
  }

  static async start(): Promise<BulkBench> {
    const http = createHttpServer((asked, response) => void answer(asked, response));
    const tcp = createServer({ allowHalfOpen: true }, (socket) => void converse(socket));
    for (const server of [http, tcp]) await once(server.listen(0, '127.0.0.1'), 'listening');
    const portOf = (server: Server | TcpServer): number => (server.address() as AddressInfo).port;
    const [httpPort, tcpPort] = await freePorts(2);
    const manifests = [
      poolManifest('http', 'HTTP', { listen: httpPort!, backend: portOf(http) }),
      poolManifest('tcp', 'TCP', { listen: tcpPort!, backend: portOf(tcp) }),
    ];
    const proxy = await ProxyProcess.start({ manifests: manifests.join('') });
    return new BulkBench(proxy, { http: httpPort!, tcp: tcpPort! }, { http, tcp });
  }

  async run(what: BulkRun, bytes: number): Promise<BulkResult> {
    const before = this.#proxy.memoryKiB;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, this.#proxy.memoryKiB);
    }, 50);
    const started = performance.now();
    const exact = await this.#send(what, bytes);
    clearInterval(watch);
    return { exact, grownKiB: most - before, seconds: (performance.now() - started) / 1_000 };
  }

  #send(what: BulkRun, bytes: number): Promise<number> {
    switch (what) {
      case 'response with a length':
      case 'response in chunks':
        return this.#download(bytes, what === 'response in chunks');
      case 'request with a length':
        return this.#upload(bytes, { 'content-length': bytes });
      case 'request in chunks':
        return this.#upload(bytes, { 'transfer-encoding': 'chunked' });
      case 'TCP to the client':
      case 'TCP to the backend':
        return this.#stream(bytes, what === 'TCP to the client');
    }
  }

  async #download(bytes: number, chunked: boolean): Promise<number> {
    const path = `/?bytes=${bytes}&chunked=${chunked}`;
    const asked = request({ host: '127.0.0.1', port: this.#ports.http, path }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return countExact(response);
  }

  async #upload(bytes: number, headers: Record<string, string | number>): Promise<number> {
    const asked = request({ host: '127.0.0.1', port: this.#ports.http, method: 'PUT', headers });
    const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
    await sendBytes(asked, bytes);
    const [response] = await answered;
    return Number(await text(response));
  }

  async #stream(bytes: number, toClient: boolean): Promise<number> {
    const socket = connect({ port: this.#ports.tcp, host: '127.0.0.1', allowHalfOpen: true });
    socket.write(`${toClient ? bytes : 0}\n`);
    if (toClient) {
      socket.end();
      return countExact(socket);
    }
    const answered = text(socket);
    await sendBytes(socket, bytes);
    return Number(await answered);
  }

  async close(): Promise<void> {
    await this.#proxy.close();
    this.#http.closeAllConnections();
    this.#http.close();
    this.#tcp.close();
  }
}

/** Sends as many bytes as the URL asks for; to what has a body, says how many bytes of it were right. */
async function answer(asked: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(asked.url ?? '', 'http://x');
  if (asked.method === 'PUT') {
    response.end(String(await countExact(asked)));
    return;
  }
  const bytes = Number(url.searchParams.get('bytes'));
  if (url.searchParams.get('chunked') === 'false') response.setHeader('content-length', bytes);
  await sendBytes(response, bytes);
}

/** The first line says how many bytes are wanted; 0: it is told how many came behind it. */
async function converse(socket: Socket): Promise<void> {
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  const end = first.indexOf('\n') + 1;
  if (end < first.length) socket.unshift(first.subarray(end));
  const wanted = Number(first.toString('latin1', 0, end));
  if (wanted > 0) {
    socket.resume();
    await sendBytes(socket, wanted);
  } else socket.end(String(await countExact(socket)));
}

async function text(from: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of from) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}
