import type { Socket } from 'node:net';
import type { ErrorCode } from '../errors.ts';
import type { PortHandler, PortView } from '../listen/port-handler.ts';
import type { TrafficRecord } from '../observe/traffic-record.ts';
import { type AccessCheck, compileAccess } from '../routing/access-rules.ts';
import type { WorkerContext } from '../worker/context.ts';
import { compileL4Targets, type L4Target, type L4Targets } from './l4-target.ts';
import { ReadBuffers } from './read-buffers.ts';
import { type SessionPort, TcpSession } from './tcp-session.ts';

/** Serves a TCP port: decides on the client's address alone. */
export function createTcpHandler(ctx: WorkerContext, view: PortView): PortHandler {
  return new TcpHandler(ctx, view);
}

class TcpHandler implements PortHandler, SessionPort {
  readonly ctx: WorkerContext;
  readonly buffers = new ReadBuffers();
  readonly #sessions = new Set<TcpSession>();
  readonly #record = emptyRecord();
  idleMs = 0;
  #maxConnections = 0;
  #access: AccessCheck | undefined;
  #targets!: L4Targets;
  #needAddress = false;

  constructor(ctx: WorkerContext, view: PortView) {
    this.ctx = ctx;
    this.update(view);
  }

  /** TCP ports are exclusive: there is one listener. */
  update(view: PortView): void {
    const { listener } = view.entries[0]!;
    this.idleMs = listener.timeouts.idleMs;
    this.#maxConnections = listener.limits.maxConnections ?? this.ctx.maxConnections;
    this.#access = compileAccess([listener.accessRules]);
    this.#targets = compileL4Targets(view, this.ctx);
    this.#needAddress =
      this.#access !== undefined || this.#targets.needAddress || this.ctx.accessLog !== undefined;
  }

  get connections(): number {
    return this.#sessions.size;
  }

  accept(client: Socket): void {
    const address = this.#needAddress ? canonical(client.remoteAddress) : '';
    if (this.#sessions.size >= this.#maxConnections) {
      this.#refuse(client, 'OVERLOADED', address);
      return;
    }
    if (this.#access !== undefined && !this.#access(address)) {
      this.#refuse(client, 'ACCESS_DENIED', address);
      return;
    }
    const target = this.#targets.lookup(address);
    if (target === undefined) {
      this.#refuse(client, 'NO_ROUTE', address);
      return;
    }
    const session = new TcpSession(this, client, target, address);
    this.#sessions.add(session);
    session.start();
  }

  sessionEnded(session: TcpSession, error: ErrorCode | undefined): void {
    this.#sessions.delete(session);
    this.#report(session.target, session.clientAddress, session, error);
  }

  /** L4 has no way to ask a client to leave: sessions go on until they end, or the process does. */
  drain(): void {}

  destroy(): void {
    for (const session of this.#sessions) session.abort('SHUTDOWN');
  }

  #refuse(client: Socket, error: ErrorCode, address: string): void {
    client.on('error', () => {});
    client.resetAndDestroy();
    this.#report(undefined, address, undefined, error);
  }

  #report(
    target: L4Target | undefined,
    clientAddress: string,
    session: TcpSession | undefined,
    error: ErrorCode | undefined,
  ): void {
    const record = this.#record;
    record.meter = target?.meter;
    record.endpoint = session?.endpoint;
    record.attempts = session?.attempts ?? 0;
    record.error = error;
    record.durationMs = session === undefined ? 0 : this.ctx.clock.now() - session.startedMs;
    record.bytesIn = session?.bytesIn ?? 0;
    record.bytesOut = session?.bytesOut ?? 0;
    record.clientAddress = clientAddress;
    this.ctx.traffic.record(record);
    this.ctx.accessLog?.record(record);
  }
}

/** An IPv4 client of a dual-stack listener is an IPv4 client. */
function canonical(address = ''): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

function emptyRecord(): TrafficRecord {
  return {
    meter: undefined,
    endpoint: undefined,
    attempts: 0,
    status: 0,
    error: undefined,
    reason: '',
    durationMs: 0,
    firstByteMs: 0,
    bytesIn: 0,
    bytesOut: 0,
    method: '',
    host: '',
    path: '',
    clientAddress: '',
    requestId: '',
  };
}
