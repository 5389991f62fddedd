import type { Socket } from 'node:net';
import { Deadline } from '../conn/deadlines.ts';
import type { ErrorCode } from '../errors.ts';
import { compileL4Targets, type L4Targets } from '../l4/l4-target.ts';
import { L4Reporter } from '../l4/l4-reporter.ts';
import { LeavingEndpoints } from '../upstream/leaving-endpoints.ts';
import type { PortHandler, PortView } from '../listen/port-handler.ts';
import { compilePreface, PrefaceReader, type PrefaceRules } from '../listen/proxy-preface.ts';
import { clientAddress } from '../net/client-address.ts';
import { type AccessCheck, compileAccess } from '../routing/access-rules.ts';
import type { WorkerContext } from '../worker/context.ts';
import { type SessionClient, type SessionPort, TcpSession } from './tcp-session.ts';

/** How often sessions whose endpoint leaves are looked for. */
const SWEEP_MS = 1_000;

/** Serves a TCP port: decides on the client's address alone. */
export function createTcpHandler(ctx: WorkerContext, view: PortView): PortHandler {
  return new TcpHandler(ctx, view);
}

class TcpHandler implements PortHandler, SessionPort {
  readonly ctx: WorkerContext;
  readonly #prefaces = new Set<PrefaceReader>();
  readonly #sessions = new Set<TcpSession>();
  readonly #reporter: L4Reporter;
  readonly #leaving = new LeavingEndpoints();
  readonly #sweep = new Deadline(() => this.#endOverdue());
  idleMs = 0;
  #maxConnections = 0;
  #preface: PrefaceRules | undefined;
  #access: AccessCheck | undefined;
  #targets!: L4Targets;
  #needAddress = false;

  constructor(ctx: WorkerContext, view: PortView) {
    this.ctx = ctx;
    this.#reporter = new L4Reporter(ctx);
    this.update(view);
  }

  /** TCP ports are exclusive: there is one listener. */
  update(view: PortView): void {
    const { listener } = view.entries[0]!;
    this.idleMs = listener.timeouts.idleMs;
    this.#maxConnections = listener.limits.maxConnections ?? this.ctx.maxConnections;
    this.#preface = compilePreface(listener);
    this.#access = compileAccess([listener.accessRules]);
    this.#targets = compileL4Targets(view, this.ctx);
    this.#needAddress =
      this.#access !== undefined || this.#targets.needAddress || this.ctx.accessLog !== undefined;
    this.#leaving.update(view.entries.map(({ pool }) => pool));
  }

  get connections(): number {
    return this.#sessions.size + this.#prefaces.size;
  }

  accept(client: Socket): void {
    if (this.connections >= this.#maxConnections) {
      this.#refuse({ socket: client, address: this.#addressOf(client), preface: undefined }, 'OVERLOADED');
    } else if (this.#preface === undefined) {
      this.#begin({ socket: client, address: this.#addressOf(client), preface: undefined });
    } else {
      this.#readPreface(client, this.#preface);
    }
  }

  #addressOf(client: Socket): string {
    return this.#needAddress ? clientAddress(client.remoteAddress) : '';
  }

  #readPreface(socket: Socket, rules: PrefaceRules): void {
    socket.on('error', ignore);
    const reader = new PrefaceReader(socket, rules, this.ctx.deadlines, (found) => {
      this.#prefaces.delete(reader);
      socket.off('error', ignore);
      const address = clientAddress(socket.remoteAddress);
      if (found === undefined) {
        this.#refuse({ socket, address, preface: undefined }, 'DOWNSTREAM_CLOSED');
      } else if (typeof found === 'string') {
        this.ctx.log.debug({ address, reason: found }, 'connection refused');
        this.#refuse({ socket, address, preface: undefined }, 'DOWNSTREAM_BAD_REQUEST');
      } else {
        this.#begin({ socket, address: found.parties?.source.address ?? address, preface: found });
      }
    });
    this.#prefaces.add(reader);
    reader.start();
  }

  /** Access rules and routes are about the client, also where another proxy stands between. */
  #begin(client: SessionClient): void {
    if (this.#access !== undefined && !this.#access(client.address)) {
      this.#refuse(client, 'ACCESS_DENIED');
      return;
    }
    const target = this.#targets.lookup(client.address);
    if (target === undefined) {
      this.#refuse(client, 'NO_ROUTE');
      return;
    }
    const session = new TcpSession(this, client, target);
    if (this.#sessions.size === 0) this.ctx.deadlines.set(this.#sweep, SWEEP_MS);
    this.#sessions.add(session);
    session.start();
  }

  sessionEnded(session: TcpSession, error: ErrorCode | undefined): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.ctx.deadlines.clear(this.#sweep);
    this.#reporter.ended(session, error);
  }

  /** L4 has no way to ask a client to leave: sessions go on until they end, or the process does. */
  drain(): void {}

  destroy(): void {
    for (const reader of this.#prefaces) reader.abort();
    for (const session of this.#sessions) session.abort('SHUTDOWN');
  }

  #refuse({ socket, address }: SessionClient, error: ErrorCode): void {
    socket.on('error', ignore);
    socket.resetAndDestroy();
    this.#reporter.refused(address, error);
  }

  #endOverdue(): void {
    const now = this.ctx.clock.now();
    for (const session of this.#sessions) {
      const { endpoint, target } = session;
      const { drainTimeoutMs } = target.pool.config.lifecycle;
      if (endpoint !== undefined && this.#leaving.isOverdue(endpoint, drainTimeoutMs, now)) {
        session.abort('SHUTDOWN');
      }
    }
    if (this.#sessions.size > 0) this.ctx.deadlines.set(this.#sweep, SWEEP_MS);
  }
}

function ignore(): void {}
