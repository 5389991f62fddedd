import type { Socket } from 'node:net';
import { Deadline } from '../conn/deadlines.ts';
import type { ErrorCode } from '../errors.ts';
import { compileL4Targets, type L4Targets } from '../l4/l4-target.ts';
import { L4Reporter } from '../l4/l4-reporter.ts';
import { LeavingEndpoints } from '../l4/leaving-endpoints.ts';
import type { PortHandler, PortView } from '../listen/port-handler.ts';
import { clientAddress } from '../net/client-address.ts';
import { type AccessCheck, compileAccess } from '../routing/access-rules.ts';
import type { WorkerContext } from '../worker/context.ts';
import { ReadBuffers } from './read-buffers.ts';
import { type SessionPort, TcpSession } from './tcp-session.ts';

/** How often sessions whose endpoint leaves are looked for. */
const SWEEP_MS = 1_000;

/** Serves a TCP port: decides on the client's address alone. */
export function createTcpHandler(ctx: WorkerContext, view: PortView): PortHandler {
  return new TcpHandler(ctx, view);
}

class TcpHandler implements PortHandler, SessionPort {
  readonly ctx: WorkerContext;
  readonly buffers = new ReadBuffers();
  readonly #sessions = new Set<TcpSession>();
  readonly #reporter: L4Reporter;
  readonly #leaving = new LeavingEndpoints();
  readonly #sweep = new Deadline(() => this.#endOverdue());
  idleMs = 0;
  #maxConnections = 0;
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
    this.#access = compileAccess([listener.accessRules]);
    this.#targets = compileL4Targets(view, this.ctx);
    this.#needAddress =
      this.#access !== undefined || this.#targets.needAddress || this.ctx.accessLog !== undefined;
    this.#leaving.update(view.entries.map(({ pool }) => pool));
  }

  get connections(): number {
    return this.#sessions.size;
  }

  accept(client: Socket): void {
    const address = this.#needAddress ? clientAddress(client.remoteAddress) : '';
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
    for (const session of this.#sessions) session.abort('SHUTDOWN');
  }

  #refuse(client: Socket, error: ErrorCode, address: string): void {
    client.on('error', () => {});
    client.resetAndDestroy();
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
