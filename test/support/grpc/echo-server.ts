import type { EventEmitter } from 'node:events';
import {
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';

const identity = (bytes: Buffer): Buffer => bytes;

function method(path: string, requestStream: boolean, responseStream: boolean) {
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}

export const PATHS = {
  unary: '/evenkeel.test.Echo/Unary',
  serverStream: '/evenkeel.test.Echo/ServerStream',
  clientStream: '/evenkeel.test.Echo/ClientStream',
  bidi: '/evenkeel.test.Echo/Bidi',
} as const;

const SERVICE: ServiceDefinition = {
  unary: method(PATHS.unary, false, false),
  serverStream: method(PATHS.serverStream, false, true),
  clientStream: method(PATHS.clientStream, true, false),
  bidi: method(PATHS.bidi, true, true),
};

type Call =
  | ServerUnaryCall<Buffer, Buffer>
  | ServerWritableStream<Buffer, Buffer>
  | ServerReadableStream<Buffer, Buffer>
  | ServerDuplexStream<Buffer, Buffer>;

/** A call as the server saw it. */
export interface SeenCall {
  readonly path: string;
  readonly metadata: Metadata;
  readonly deadline: number;
  /** `performance.now()` when it learnt that nobody waits any more. */
  cancelledAt: number | undefined;
}

/**
 * A server of @grpc/grpc-js that gives back what it gets: messages, and metadata whose names begin with `x-echo`, as
 * header and as trailer. Metadata of a call may ask for something else: `x-wait` keeps it open, `x-status` (a number,
 * with `x-details-bin`) fails it, `x-name` answers with the server's name.
 */
export class GrpcEchoServer {
  readonly name: string;
  readonly calls: SeenCall[] = [];
  readonly #address: string;
  #server: Server | undefined;
  #port = 0;

  private constructor(name: string, address: string) {
    this.name = name;
    this.#address = address;
  }

  static async start(name = 'echo', port = 0, address = '127.0.0.1'): Promise<GrpcEchoServer> {
    const echo = new GrpcEchoServer(name, address);
    await echo.listen(port);
    return echo;
  }

  get port(): number {
    return this.#port;
  }

  async listen(port = this.#port): Promise<void> {
    const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
    server.addService(SERVICE, {
      unary: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => this.#unary(call, done),
      serverStream: (call: ServerWritableStream<Buffer, Buffer>) => this.#serverStream(call),
      clientStream: (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
        this.#clientStream(call, done),
      bidi: (call: ServerDuplexStream<Buffer, Buffer>) => this.#bidi(call),
    });
    this.#server = server;
    this.#port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${this.#address}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
  }

  /** As a process that is asked to end: GOAWAY, and what is under way goes on. Resolves when it has. */
  async shutDown(): Promise<void> {
    await new Promise<void>((resolve) => this.#server!.tryShutdown(() => resolve()));
  }

  /** As a process that has died. */
  async close(): Promise<void> {
    this.#server?.forceShutdown();
    await Promise.resolve();
  }

  /** Answers false when the call is to be left open, or has failed as it asked. */
  #see(call: Call): boolean {
    const { metadata } = call;
    const deadline = call.getDeadline();
    const seen: SeenCall = {
      path: call.getPath(),
      metadata,
      deadline: deadline instanceof Date ? deadline.getTime() : deadline,
      cancelledAt: undefined,
    };
    this.calls.push(seen);
    const events: EventEmitter = call;
    events.on('cancelled', () => {
      seen.cancelledAt = performance.now();
    });
    call.sendMetadata(echoed(metadata));
    return metadata.get('x-wait').length === 0;
  }

  #failure({ metadata }: Call): { code: number; details: string; metadata: Metadata } | undefined {
    const [code] = metadata.get('x-status');
    if (code === undefined) return undefined;
    const [details = Buffer.alloc(0)] = metadata.get('x-details-bin');
    return { code: Number(code), details: (details as Buffer).toString(), metadata: echoed(metadata) };
  }

  #unary(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
    if (!this.#see(call)) return;
    const failure = this.#failure(call);
    if (failure !== undefined) done(failure);
    else done(null, this.#answer(call, call.request), echoed(call.metadata));
  }

  #answer({ metadata }: Call, message: Buffer): Buffer {
    return metadata.get('x-name').length > 0 ? Buffer.from(this.name) : message;
  }

  /** As many messages as the request says. */
  #serverStream(call: ServerWritableStream<Buffer, Buffer>): void {
    const isOpen = !this.#see(call);
    const count = call.request.readUInt32BE(0);
    for (let i = 0; i < count; i++) call.write(this.#answer(call, Buffer.from(String(i))));
    const failure = this.#failure(call);
    if (failure !== undefined) call.emit('error', failure);
    else if (!isOpen) call.end(echoed(call.metadata));
  }

  /** The bytes of all messages together. */
  #clientStream(call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
    const isOpen = !this.#see(call);
    const parts: Buffer[] = [];
    call.on('data', (message: Buffer) => parts.push(message));
    call.on('end', () => {
      if (!isOpen) done(null, this.#answer(call, Buffer.concat(parts)), echoed(call.metadata));
    });
  }

  #bidi(call: ServerDuplexStream<Buffer, Buffer>): void {
    this.#see(call);
    call.on('data', (message: Buffer) => call.write(this.#answer(call, message)));
    call.on('end', () => call.end(echoed(call.metadata)));
  }
}

function echoed(metadata: Metadata): Metadata {
  const back = new Metadata();
  for (const name of Object.keys(metadata.getMap())) {
    if (name.startsWith('x-echo')) for (const value of metadata.get(name)) back.add(name, value);
  }
  return back;
}
