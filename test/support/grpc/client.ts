import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import { PATHS } from './echo-server.ts';

const identity = (bytes: Buffer): Buffer => bytes;

/** How a call went. */
export interface CallResult {
  readonly messages: readonly Buffer[];
  readonly headers: Metadata | undefined;
  readonly status: StatusObject;
}

/** A client of @grpc/grpc-js, without retries of its own and on a connection of its own. */
export class GrpcClient {
  readonly #client: Client;

  /** @param target a port on loopback, or what gRPC calls a target */
  constructor(target: number | string, options: ChannelOptions = {}) {
    const name = typeof target === 'number' ? `127.0.0.1:${target}` : target;
    this.#client = new Client(name, credentials.createInsecure(), {
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      ...options,
    });
  }

  async unary(
    message: Buffer | string,
    metadata: Record<string, string | Buffer> = {},
    options: CallOptions & { readonly path?: string } = {},
  ): Promise<CallResult> {
    return new Promise((resolve) => {
      let headers: Metadata | undefined;
      let received: Buffer | undefined;
      const call = this.#client.makeUnaryRequest(
        options.path ?? PATHS.unary,
        identity,
        identity,
        Buffer.from(message as string),
        metadataOf(metadata),
        options,
        (_: ServiceError | null, answer?: Buffer) => {
          received = answer;
        },
      );
      call.on('metadata', (got: Metadata) => {
        headers = got;
      });
      call.on('status', (status: StatusObject) =>
        setImmediate(() => resolve({ messages: received === undefined ? [] : [received], headers, status })),
      );
    });
  }

  /** Asks for this many messages. */
  serverStream(
    count: number,
    metadata: Record<string, string | Buffer> = {},
    options: CallOptions = {},
  ): ClientReadableStream<Buffer> {
    const request = Buffer.alloc(4);
    request.writeUInt32BE(count);
    return this.#client.makeServerStreamRequest(
      PATHS.serverStream,
      identity,
      identity,
      request,
      metadataOf(metadata),
      options,
    );
  }

  async clientStream(
    messages: readonly Buffer[],
    metadata: Record<string, string | Buffer> = {},
  ): Promise<CallResult> {
    return new Promise((resolve) => {
      let received: Buffer | undefined;
      const call = this.#client.makeClientStreamRequest(
        PATHS.clientStream,
        identity,
        identity,
        metadataOf(metadata),
        (_: ServiceError | null, answer?: Buffer) => {
          received = answer;
        },
      );
      call.on('status', (status: StatusObject) =>
        setImmediate(() =>
          resolve({ messages: received === undefined ? [] : [received], headers: undefined, status }),
        ),
      );
      for (const message of messages) call.write(message);
      call.end();
    });
  }

  bidi(
    metadata: Record<string, string | Buffer> = {},
    options: CallOptions = {},
  ): ClientDuplexStream<Buffer, Buffer> {
    return this.#client.makeBidiStreamRequest(PATHS.bidi, identity, identity, metadataOf(metadata), options);
  }

  async close(): Promise<void> {
    this.#client.close();
    await Promise.resolve();
  }
}

/** All that a stream brings until its end. */
export async function collect(
  call: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>,
): Promise<CallResult> {
  return new Promise((resolve) => {
    const messages: Buffer[] = [];
    let headers: Metadata | undefined;
    call.on('metadata', (got: Metadata) => {
      headers = got;
    });
    call.on('data', (message: Buffer) => messages.push(message));
    call.on('error', () => {});
    call.on('status', (status: StatusObject) => setImmediate(() => resolve({ messages, headers, status })));
  });
}

export function metadataOf(values: Record<string, string | Buffer>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(values)) metadata.set(name, value);
  return metadata;
}
