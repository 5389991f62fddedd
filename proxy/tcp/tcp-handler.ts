import type { Socket } from 'node:net';
import { Deadline } from '../conn/deadlines.ts';
import { MemberList } from '../conn/member-list.ts';
import type { ErrorCode } from '../errors.ts';
import { compileL4Targets, type L4Targets } from '../l4/l4-target.ts';
import { L4Reporter } from '../l4/l4-reporter.ts';
import { LeavingEndpoints } from '../upstream/leaving-endpoints.ts';
import type { PortHandler, PortView } from '../listen/port-handler.ts';
import { compilePreface, PrefaceReader, type PrefaceRules } from '../listen/proxy-preface.ts';
import { clientAddress } from '../net/client-address.ts';
import { type AccessCheck, compileAccess } from '../routing/access-rules.ts';
import { TlsGate } from '../tls/tls-gate.ts';
import type { WorkerContext } from '../worker/context.ts';
import { type SessionClient, type SessionPort, TcpSession } from './tcp-session.ts';

/** How often sessions whose endpoint leaves are looked for. */
const SWEEP_MS = 1_000;

/** Serves a TCP or TLS port: decides on the client's address, and on TLS ports on the host that it asks for. */
export function createTcpHandler(ctx: WorkerContext, view: PortView): PortHandler {
  return new TcpHandler(ctx, view);
}

class TcpHandler implements PortHandler, SessionPort {
  readonly ctx: WorkerContext;
  readonly #prefaces = new MemberList<PrefaceReader>();
  readonly #sessions = new MemberList<TcpSession>();
  readonly #reporter: L4Reporter;
  readonly #leaving = new LeavingEndpoints();
  readonly #sweep = new Deadline(() => this.#endOverdue());
  idleMs = 0;
  #maxConnections = 0;
  #preface: PrefaceRules | undefined;
  readonly #gate: TlsGate | undefined;
  /** By listener. */
  #access = new Map<string, AccessCheck>();
  #targets!: L4Targets;
  #needAddress = false;
  /** The listener of a TCP port. */
  #only = '';

  constructor(ctx: WorkerContext, view: PortView) {
    this.ctx = ctx;
    this.#reporter = new L4Reporter(ctx);
    this.#gate = view.protocol === 'TLS' ? new TlsGate(ctx, view, { takesNameless: false }) : undefined;
    this.update(view);
  }

  /** TCP ports are exclusive: there is one listener. Those of a TLS port agree on what is taken from the first. */
  update(view: PortView): void {
    this.#gate?.update(view);
    const { listener } = view.entries[0]!;
    this.idleMs = listener.timeouts.idleMs;
    this.#maxConnections = listener.limits.maxConnections ?? this.ctx.maxConnections;
    this.#preface = compilePreface(listener);
    this.#access = new Map(
      view.entries.flatMap(({ pool, listener: { name, accessRules } }) => {
        const access = compileAccess([accessRules]);
        return access === undefined ? [] : [[`${pool.uid}/${name}`, access] as const];
      }),
    );
    this.#only = `${view.entries[0]!.pool.uid}/${listener.name}`;
    this.#targets = compileL4Targets(view, this.ctx);
    this.#needAddress =
      this.#access.size > 0 || this.#targets.needAddress || this.ctx.accessLog !== undefined;
    this.#leaving.update(view.entries.map(({ pool }) => pool));
  }

  get connections(): number {
    return this.#sessions.size + this.#prefaces.size + (this.#gate?.size ?? 0);
  }

  get descriptors(): number {
    return 2 * this.connections;
  }

  accept(socket: Socket): void {
    const client = { socket, address: this.#addressOf(socket), preface: undefined, tls: undefined };
    const isFull = this.connections >= this.#maxConnections || this.ctx.table.isShedding;
    if (isFull) this.#refuse(client, 'OVERLOADED');
    else if (this.#preface === undefined) this.#enter(client);
    else this.#readPreface(client, this.#preface);
  }

  #addressOf(client: Socket): string {
    return this.#needAddress ? clientAddress(client.remoteAddress) : '';
  }

  #readPreface(client: SessionClient, rules: PrefaceRules): void {
    const { socket } = client;
    socket.on('error', ignore);
    const reader = new PrefaceReader(socket, rules, this.ctx.deadlines, (found) => {
      this.#prefaces.delete(reader);
      socket.off('error', ignore);
      const address = clientAddress(socket.remoteAddress);
      if (found === undefined) {
        this.#refuse({ ...client, address }, 'DOWNSTREAM_CLOSED');
      } else if (typeof found === 'string') {
        this.ctx.log.debug({ address, reason: found }, 'connection refused');
        this.#refuse({ ...client, address }, 'DOWNSTREAM_BAD_REQUEST');
      } else {
        this.#enter({ ...client, address: found.parties?.source.address ?? address, preface: found });
      }
    });
    this.#prefaces.add(reader);
    reader.start();
  }

  /** Through TLS, where the port has any. */
  #enter(client: SessionClient): void {
    if (this.#gate === undefined) {
      this.#begin(client, this.#only);
      return;
    }
    this.#gate.enter(client.socket, (outcome) => {
      if (typeof outcome === 'string') {
        this.#reporter.refused(client.address, 'DOWNSTREAM_TLS', `tls_${outcome}`);
      } else if (outcome.kind === 'passed') {
        const { serverName, entry } = outcome;
        this.#begin({ ...client, tls: { version: '', serverName } }, entry.id);
      } else {
        const { serverName, version, entry, socket } = outcome;
        // What TLS took of the connection is no part of what the client says.
        const preface = client.preface && { ...client.preface, length: 0 };
        this.#begin({ ...client, socket, preface, tls: { version, serverName } }, entry.id);
      }
    });
  }

  /** Access rules and routes are about the client, also where another proxy stands between. */
  #begin(client: SessionClient, listener: string): void {
    if (this.#access.get(listener)?.(client.address) === false) {
      this.#refuse(client, 'ACCESS_DENIED');
      return;
    }
    const target = this.#targets.lookup(client.address, client.tls?.serverName);
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
    for (const reader of this.#prefaces.all()) reader.abort();
    this.#gate?.abort();
    for (const session of this.#sessions.all()) session.abort('SHUTDOWN');
  }

  #refuse({ socket, address }: SessionClient, error: ErrorCode): void {
    socket.on('error', ignore);
    socket.resetAndDestroy();
    this.#reporter.refused(address, error);
  }

  #endOverdue(): void {
    const now = this.ctx.clock.now();
    for (const session of this.#sessions.all()) {
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
