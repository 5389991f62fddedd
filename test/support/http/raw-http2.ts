import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;

export const FrameType = {
  Data: 0,
  Headers: 1,
  RstStream: 3,
  Settings: 4,
  Ping: 6,
  GoAway: 7,
  WindowUpdate: 8,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;

/** One HTTP/2 frame (RFC 9113 section 4.1). */
export function frame(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload as string, 'latin1');
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

/** A field block of literals that are never indexed (RFC 7541 section 6.2.3): whatever names and values hold. */
export function fieldBlock(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0x10]), literal(name), literal(value)]),
  );
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const size: number[] = [127];
  let rest = bytes.length - 127;
  for (; rest > 127; rest >>>= 7) size.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...size, rest]), bytes]);
}

/** Answers the HEADERS frame of a request on this stream; `number` counts the requests of this backend, from 1. */
export type RawHttp2Script = (socket: Socket, streamId: number, number: number) => void;

/** An HTTP/2 backend that says exactly the frames that its script says, right or wrong. */
export class RawHttp2Backend {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections so far. */
  opened = 0;
  /** Types of the frames that came. */
  readonly frames: number[] = [];
  #requests = 0;

  private constructor(script: RawHttp2Script) {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.opened += 1;
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      socket.write(frame(FrameType.Settings, 0, 0));
      this.#read(socket, script);
    });
  }

  static async start(script: RawHttp2Script): Promise<RawHttp2Backend> {
    const backend = new RawHttp2Backend(script);
    await new Promise<void>((resolve) => backend.#server.listen(0, '127.0.0.1', resolve));
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #read(socket: Socket, script: RawHttp2Script): void {
    let held = Buffer.alloc(0);
    let pos = PREFACE_BYTES;
    socket.on('data', (bytes: Buffer) => {
      held = Buffer.concat([held, bytes]);
      while (held.length >= pos + FRAME_HEAD_BYTES) {
        const end = pos + FRAME_HEAD_BYTES + held.readUIntBE(pos, 3);
        if (held.length < end) return;
        const type = held[pos + 3]!;
        const flags = held[pos + 4]!;
        const streamId = held.readUInt32BE(pos + 5);
        pos = end;
        this.frames.push(type);
        if (type === FrameType.Settings && (flags & 1) === 0) socket.write(frame(FrameType.Settings, 1, 0));
        if (type !== FrameType.Headers) continue;
        this.#requests += 1;
        script(socket, streamId, this.#requests);
      }
    });
  }
}
