import type { RemoteInfo, Socket } from 'node:dgram';
import { connectErrorCode } from '../conn/connect-error.ts';
import { Deadline } from '../conn/deadlines.ts';
import type { ErrorCode } from '../errors.ts';
import { compileL4Targets, type L4Target, type L4Targets } from '../l4/l4-target.ts';
import { L4Reporter } from '../l4/l4-reporter.ts';
import { LeavingEndpoints } from '../upstream/leaving-endpoints.ts';
import { pickErrorCode } from '../l4/pick-error.ts';
import type { PortView, ServedPort } from '../listen/port-handler.ts';
import { clientAddress } from '../net/client-address.ts';
import { type AccessCheck, compileAccess } from '../routing/access-rules.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { WorkerContext } from '../worker/context.ts';
import { FlowTable } from './flow-table.ts';
import { SourceBindings } from './source-bindings.ts';
import { type FlowClient, type FlowOwner, UdpFlow } from './udp-flow.ts';

/** Flows that are overdue are looked for this often. */
const SWEEP_MS = 500;
/** How old the coarse clock may be. */
const CLOCK_STEP_MS = 100;
/** Datagrams to clients that the kernel has no room for are dropped above this, as a router does. */
const MAX_SEND_QUEUE_BYTES = 4 * 1024 * 1024;
/** The queue is looked at every so many datagrams. */
const QUEUE_CHECK_MASK = 63;

/**
 * Serves a UDP port whose one worker this is.
 *
 * @param socket bound; made by `createUdpSocket`; closed when the port is drained or destroyed
 */
export function createUdpHandler(ctx: WorkerContext, view: PortView, socket: Socket): ServedPort {
  return new UdpHandler(ctx, view, socket);
}

class UdpHandler implements ServedPort, FlowOwner {
  readonly #ctx: WorkerContext;
  readonly #socket: Socket;
  readonly #table = new FlowTable<UdpFlow>();
  readonly #bindings = new SourceBindings();
  readonly #reporter: L4Reporter;
  readonly #leaving = new LeavingEndpoints();
  readonly #sweep = new Deadline(() => this.#endOverdue());
  /** Reused: nothing keeps it. */
  readonly #request = { bound: undefined, hashKey: 0, tried: [] as const, maxInFlight: 0 };
  #access: AccessCheck | undefined;
  #targets!: L4Targets;
  #idleMs = 0;
  #maxSessions = 0;
  #maxAmplification: number | undefined;
  #bySource = false;
  #draining = false;
  #closed = false;
  #sent = 0;
  #queueIsFull = false;

  constructor(ctx: WorkerContext, view: PortView, socket: Socket) {
    this.#ctx = ctx;
    this.#socket = socket;
    this.#reporter = new L4Reporter(ctx);
    ctx.flowBudget.join();
    this.update(view);
    socket.on('error', (error) => ctx.log.warn({ err: error, port: view.port }, 'UDP socket error'));
    socket.on('message', (datagram, from) => this.#received(datagram, from));
  }

  /** UDP ports are exclusive: there is one listener. */
  update(view: PortView): void {
    const { listener } = view.entries[0]!;
    const { sessionIdleTimeoutMs, maxSessions, sessionKey, maxAmplification } = listener.udp!;
    this.#idleMs = sessionIdleTimeoutMs;
    this.#maxSessions = maxSessions;
    this.#maxAmplification = maxAmplification;
    this.#bindSources(sessionKey === 'SourceIP');
    this.#access = compileAccess([listener.accessRules]);
    this.#targets = compileL4Targets(view, this.#ctx);
    this.#leaving.update(view.entries.map(({ pool }) => pool));
    for (const flow of this.#table.values()) {
      if (this.#leaving.isGone(flow.endpoint)) this.#end(flow, undefined);
    }
    this.#shrinkTo(this.#maxFlows);
  }

  get connections(): number {
    return this.#table.size;
  }

  get descriptors(): number {
    return this.#table.size;
  }

  /** Flows go on until they are quiet; nobody new comes in. */
  drain(): void {
    this.#draining = true;
    this.#closeIfDone();
  }

  destroy(): void {
    this.#draining = true;
    for (const flow of this.#table.values()) this.#end(flow, 'SHUTDOWN');
    this.#closeIfDone();
  }

  // ---- datagrams ----

  #received(datagram: Buffer, from: RemoteInfo): void {
    // "Not used" (RFC 768): there is nowhere to answer to, and a socket throws when it is told to.
    if (from.port === 0) return;
    const key = `${from.address} ${from.port}`;
    const known = this.#table.get(key);
    const flow = known !== undefined && this.#stays(known) ? known : this.#begin(key, from);
    if (flow === undefined) return;
    this.#table.touch(flow, this.#ctx.deadlines.coarseNow);
    if (flow.answers > 0) this.#table.prove(flow);
    flow.send(datagram);
  }

  answered(flow: UdpFlow, datagram: Buffer): void {
    if (flow.answers === 1) this.#ctx.passive.success(flow.endpoint);
    if (this.#isTooMuch(flow, datagram)) {
      this.#ctx.traffic.answerDropped();
      return;
    }
    flow.bytesOut += datagram.length;
    this.#table.touch(flow, this.#ctx.deadlines.coarseNow);
    this.#sent += 1;
    if ((this.#sent & QUEUE_CHECK_MASK) === 0 || this.#queueIsFull) {
      this.#queueIsFull = this.#socket.getSendQueueSize() > MAX_SEND_QUEUE_BYTES;
      if (this.#queueIsFull) return;
    }
    this.#socket.send(datagram, flow.replyPort, flow.replyAddress);
  }

  #isTooMuch({ bytesIn, bytesOut }: UdpFlow, { length }: Buffer): boolean {
    const max = this.#maxAmplification;
    return max !== undefined && bytesOut + length > bytesIn * max;
  }

  failed(flow: UdpFlow, code: ErrorCode): void {
    this.#ctx.passive.failure(flow.endpoint, code);
    this.#end(flow, code);
  }

  // ---- flows ----

  #bindSources(bySource: boolean): void {
    if (bySource === this.#bySource) return;
    this.#bySource = bySource;
    this.#bindings.clear();
    if (!bySource) return;
    for (const { clientAddress, endpoint } of this.#table.values())
      this.#bindings.bind(clientAddress, endpoint);
  }

  get #maxFlows(): number {
    return Math.min(this.#maxSessions, this.#ctx.flowBudget.share);
  }

  #shrinkTo(flows: number): void {
    while (this.#table.size > flows) this.#end(this.#table.oldest!, undefined);
  }

  /** A flow whose endpoint has gone down since it was chosen ends, and its client begins anew. */
  #stays(flow: UdpFlow): boolean {
    if (!flow.wasAffine || flow.endpoint.affine) return true;
    this.#end(flow, undefined);
    return false;
  }

  #begin(key: string, from: RemoteInfo): UdpFlow | undefined {
    if (this.#draining) return undefined;
    const address = clientAddress(from.address);
    if (this.#access !== undefined && !this.#access(address)) return this.#refuse(address, 'ACCESS_DENIED');
    if (this.#ctx.table.isShedding) return this.#refuse(address, 'OVERLOADED');
    const target = this.#targets.lookup(address);
    if (target === undefined) return this.#refuse(address, 'NO_ROUTE');
    const endpoint = this.#select(target, address);
    if (typeof endpoint === 'string') return this.#refuse(address, endpoint);
    this.#shrinkTo(this.#maxFlows - 1);
    const client = { key, address, replyAddress: from.address, replyPort: from.port };
    const flow = this.#open(client, target, endpoint);
    if (flow === undefined) return undefined;
    if (this.#table.size === 0) this.#ctx.deadlines.set(this.#sweep, SWEEP_MS);
    this.#table.add(flow, this.#ctx.deadlines.coarseNow);
    if (this.#bySource) this.#bindings.bind(address, endpoint);
    return flow;
  }

  /** Acquires. */
  #select(target: L4Target, address: string): EndpointState | ErrorCode {
    if (this.#bySource) {
      const bound = this.#bindings.get(address);
      if (bound !== undefined && bound.affine && !this.#leaving.isGone(bound)) {
        return bound.tryAcquire(target.maxInFlight) ? bound : 'ALL_ENDPOINTS_FULL';
      }
    }
    this.#request.hashKey = target.hashKey?.(address) ?? 0;
    this.#request.maxInFlight = target.maxInFlight;
    const selected = target.selector.select(this.#request);
    return typeof selected === 'string' ? pickErrorCode(selected) : selected;
  }

  #open(client: FlowClient, target: L4Target, endpoint: EndpointState): UdpFlow | undefined {
    try {
      return new UdpFlow(this, client, target, endpoint, this.#ctx.clock.now());
    } catch (error) {
      const code = connectErrorCode(error as NodeJS.ErrnoException);
      this.#ctx.passive.failure(endpoint, code);
      endpoint.release();
      return this.#refuse(client.address, code);
    }
  }

  /** The datagram is dropped. */
  #refuse(address: string, error: ErrorCode): undefined {
    this.#reporter.refused(address, error);
    return undefined;
  }

  #end(flow: UdpFlow, error: ErrorCode | undefined): void {
    if (!this.#table.delete(flow)) return;
    flow.close();
    if (this.#bySource) this.#bindings.unbind(flow.clientAddress, flow.endpoint);
    flow.endpoint.release();
    this.#reporter.ended(flow, error);
    this.#closeIfDone();
  }

  #endOverdue(): void {
    const { deadlines, clock } = this.#ctx;
    const before = deadlines.coarseNow - this.#idleMs - CLOCK_STEP_MS;
    for (;;) {
      const quiet = this.#table.quietSince(before);
      if (quiet === undefined) break;
      this.#end(quiet, undefined);
    }
    const now = clock.now();
    for (const flow of this.#table.values()) {
      const { drainTimeoutMs } = flow.target.pool.config.lifecycle;
      if (this.#leaving.isOverdue(flow.endpoint, drainTimeoutMs, now)) this.#end(flow, undefined);
    }
    if (this.#table.size > 0) deadlines.set(this.#sweep, SWEEP_MS);
  }

  #closeIfDone(): void {
    if (this.#closed || !this.#draining || this.#table.size > 0) return;
    this.#closed = true;
    this.#ctx.deadlines.clear(this.#sweep);
    this.#ctx.flowBudget.leave();
    this.#socket.close();
  }
}
