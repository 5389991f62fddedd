import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Endpoint, Listener, PoolConfig, UdpSessions } from '../../api/snapshot.ts';
import type { PortView, ServedPort } from '../../proxy/listen/port-handler.ts';
import { createUdpHandler } from '../../proxy/udp/udp-handler.ts';
import { createUdpSocket } from '../../proxy/udp/udp-socket.ts';
import type { WorkerContext } from '../../proxy/worker/context.ts';
import { listener, poolConfig } from './builders.ts';
import { eventually } from './eventually.ts';
import { RunningPool, WorkerFixture } from './worker.ts';

/** A UDP server on a port of its own; what it hears is kept. */
export class UdpBackend {
  readonly heard: { bytes: Buffer; from: RemoteInfo }[] = [];
  readonly socket: Socket;

  private constructor(socket: Socket, answer: (bytes: Buffer, from: RemoteInfo, socket: Socket) => void) {
    this.socket = socket;
    socket.on('message', (bytes, from) => {
      this.heard.push({ bytes, from });
      answer(bytes, from, socket);
    });
  }

  static bind(
    answer: (bytes: Buffer, from: RemoteInfo, socket: Socket) => void,
    address: { port?: number; host?: string } = {},
  ): UdpBackend {
    const host = address.host ?? '127.0.0.1';
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 });
    socket.bindSync({ address: host, port: address.port ?? 0 });
    return new UdpBackend(socket, answer);
  }

  static echo(address: { port?: number; host?: string } = {}): UdpBackend {
    return UdpBackend.bind((bytes, from, socket) => socket.send(bytes, from.port, from.address), address);
  }

  /** Answers with its own port. */
  static teller(): UdpBackend {
    return UdpBackend.bind((_, from, socket) =>
      socket.send(String(socket.address().port), from.port, from.address),
    );
  }

  get port(): number {
    return this.socket.address().port;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.socket.close(resolve);
    });
  }
}

export class UdpClient {
  readonly got: Buffer[] = [];
  readonly socket: Socket;

  private constructor(socket: Socket, port: number, host: string) {
    this.socket = socket;
    socket.on('message', (bytes) => this.got.push(bytes));
    socket.on('error', () => {});
    socket.connectSync(port, host);
  }

  static to(port: number, host = '127.0.0.1'): UdpClient {
    return new UdpClient(createSocket(host.includes(':') ? 'udp6' : 'udp4'), port, host);
  }

  send(bytes: string | Buffer): void {
    this.socket.send(bytes);
  }

  /** Sends, and waits for one more datagram than there was. */
  async ask(bytes: string | Buffer): Promise<Buffer> {
    const { length } = this.got;
    this.send(bytes);
    return eventually('an answer', () => this.got[length]);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.socket.close(resolve);
    });
  }
}

export interface UdpPortOptions {
  readonly listener?: Partial<Listener>;
  readonly config?: Partial<PoolConfig>;
  readonly context?: Partial<WorkerContext>;
  readonly host?: string;
}

/** One worker that serves a UDP port in front of one backend `v1`, on real sockets. */
export class UdpPort {
  readonly worker: WorkerFixture;
  readonly pool: RunningPool;
  readonly handler: ServedPort;
  readonly port: number;
  readonly #socket: Socket;
  #listener: Listener;

  private constructor(socket: Socket, endpoints: readonly Endpoint[], options: UdpPortOptions) {
    this.#socket = socket;
    this.port = socket.address().port;
    this.worker = new WorkerFixture(options.context);
    this.#listener = listener({
      name: 'udp',
      protocol: 'UDP',
      udp: { sessionIdleTimeoutMs: 30_000, maxSessions: 1_000, sessionKey: 'FiveTuple' },
      ...options.listener,
    });
    this.pool = new RunningPool(this.worker, {
      config: poolConfig({ listeners: [this.#listener], ...options.config }),
      endpoints: { v1: endpoints },
    });
    this.handler = createUdpHandler(this.worker.ctx, this.#view(), socket);
  }

  static bind(endpoints: readonly Endpoint[], options: UdpPortOptions = {}): UdpPort {
    const host = options.host ?? '127.0.0.1';
    const socket = createUdpSocket(host);
    socket.bindSync({ address: host, port: 0 });
    return new UdpPort(socket, endpoints, options);
  }

  update(endpoints: readonly Endpoint[], udp: Partial<UdpSessions> = {}): void {
    this.#listener = { ...this.#listener, udp: { ...this.#listener.udp!, ...udp } };
    this.pool.update({ endpoints: { v1: endpoints } });
    this.handler.update(this.#view());
  }

  /** As if it had come from this port of the client, which no socket of ours could have. */
  receive(datagram: string, port: number): void {
    const from: RemoteInfo = { address: '127.0.0.1', family: 'IPv4', port, size: datagram.length };
    this.#socket.emit('message', Buffer.from(datagram), from);
  }

  /** Flows in flight over all endpoints. */
  get inFlight(): number {
    return this.pool.endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  close(): Promise<void> {
    this.handler.destroy();
    return Promise.resolve();
  }

  #view(): PortView {
    return { protocol: 'UDP', port: this.port, entries: [{ pool: this.pool, listener: this.#listener }] };
  }
}
