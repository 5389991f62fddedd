import { Server, ServerCredentials, status, type Metadata, type ServiceDefinition } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { CONTROL_METHOD, decodeToController, type ToControllerBody } from '../../api/control.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import { parseAddress } from '../../lib/admin-server.ts';
import { hostPort } from '../../lib/host-port.ts';
import type { Fleet } from './fleet.ts';
import type { ControlServerStream, Session } from './session.ts';

/** The most that a proxy may send at once: it reports health in parts. */
const MAX_RECEIVE_BYTES = 4 * 1024 * 1024;

export interface ControlServerOptions {
  readonly fleet: Fleet;
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly credentials?: ServerCredentials;
  /** Who calls: a proxy's name, or undefined to refuse. Absent: whoever it says it is. */
  readonly authenticate?: (metadata: Metadata) => Promise<string | undefined>;
  /** A stream is ended at an age drawn between half of this and all of it, so that proxies spread over time. */
  readonly maxAgeMs?: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

export interface ControlServer {
  readonly port: number;
  close(): Promise<void>;
}

const SERVICE = {
  connect: {
    path: CONTROL_METHOD,
    requestStream: true,
    responseStream: true,
    requestSerialize: () => Buffer.alloc(0), // the client's side
    requestDeserialize: decodeToController,
    responseSerialize: (message: Buffer) => message, // encoded once for all proxies
    responseDeserialize: (message: Buffer) => message,
  },
} satisfies ServiceDefinition;

/** Takes the proxies' streams and hands them to the fleet. */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const { fleet, log } = options;
  const server = new Server({
    'grpc.max_receive_message_length': MAX_RECEIVE_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.max_concurrent_streams': 8,
  });
  const connect = (stream: ControlServerStream): void => {
    accept(stream, options).catch((error: unknown) => {
      log.error({ err: error }, 'control stream failed');
      stream.destroy();
    });
  };
  server.addService(SERVICE, { connect });
  const { host, port: wanted } = parseAddress(options.address);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      hostPort(host, wanted),
      options.credentials ?? ServerCredentials.createInsecure(),
      (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      },
    );
  });
  return {
    port,
    async close() {
      fleet.close();
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const cancel = options.clock.after(1_000, () => server.forceShutdown());
      await closed;
      cancel();
    },
  };
}

async function accept(stream: ControlServerStream, options: ControlServerOptions): Promise<void> {
  const { fleet, log, clock, rng, maxAgeMs = 60 * 60_000 } = options;
  let session: Session | undefined;
  let name = '';
  let open = true;
  let cancelAge: (() => void) | undefined;
  const gone = (): void => {
    open = false;
    cancelAge?.();
    if (session !== undefined) fleet.leave(name, session);
    session = undefined;
  };
  stream.on('error', (error) => {
    log.debug({ proxy: name, err: error }, 'control stream broke');
    gone();
  });
  stream.on('close', gone);
  stream.on('cancelled', gone);
  stream.on('end', () => {
    gone();
    stream.end();
  });
  const identity = await identify(stream, options);
  if (!open) return;
  if (identity.refused) {
    refuse(stream, status.UNAUTHENTICATED, 'not a proxy that this controller knows');
    return;
  }
  stream.on('data', (body: ToControllerBody | undefined) => {
    if (body === undefined || !open) return; // a newer version's message
    if (session !== undefined) {
      session.receive(body);
      return;
    }
    if (body.case !== 'hello' || body.value.proxy === '') {
      open = false;
      refuse(stream, status.FAILED_PRECONDITION, 'the first message must be a hello with a name');
      return;
    }
    if (identity.name !== undefined && identity.name !== body.value.proxy) {
      open = false;
      refuse(stream, status.PERMISSION_DENIED, 'the name is not the one of the credentials');
      return;
    }
    name = body.value.proxy;
    session = fleet.join(stream, body.value);
    const joined = session;
    cancelAge = clock.after(maxAgeMs * (0.5 + rng() / 2), () => joined.end());
  });
}

async function identify(
  stream: ControlServerStream,
  { authenticate }: ControlServerOptions,
): Promise<{ refused: boolean; name?: string }> {
  if (authenticate === undefined) return { refused: false };
  stream.pause();
  const name = await authenticate(stream.metadata);
  stream.resume();
  return name === undefined ? { refused: true } : { refused: false, name };
}

function refuse(stream: ControlServerStream, code: status, details: string): void {
  stream.emit('error', { code, details });
}
