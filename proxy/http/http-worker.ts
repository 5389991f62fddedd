import type { Clock } from '../../lib/clock.ts';
import type { Deadlines } from '../conn/deadlines.ts';
import { FlushQueue } from '../conn/flush-queue.ts';
import { LoopTurns } from '../conn/loop-turns.ts';
import type { ReadBuffers } from '../conn/read-buffers.ts';
import { Sender } from '../conn/sender.ts';
import { type ErrorCode, traitsOf } from '../errors.ts';
import { emptyTrafficRecord, type TrafficRecord } from '../observe/traffic-record.ts';
import type { WorkerContext } from '../worker/context.ts';
import { BackendPool } from './backend-pool.ts';
import type { Exchange } from './exchange.ts';
import { sharedRanges } from './h1/body-relay.ts';
import { RequestHead } from './h1/request-head.ts';
import { ResponseHead } from './h1/response-head.ts';
import { GatherBuffers } from './h2/core/gather-buffers.ts';
import { Fields } from './h2/hpack/fields.ts';
import { IncomingRequest } from './h2/incoming-request.ts';
import { SessionPool } from './h2/session-pool.ts';

const MAX_SPARE_EXCHANGES = 256;

/**
 * What all HTTP ports of one worker thread share: idle backend connections, and the buffers and parsers that one
 * message after the other goes through.
 */
export class HttpWorker {
  readonly context: WorkerContext;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly turns: LoopTurns;
  readonly pool: BackendPool;
  readonly sessions: SessionPool;
  readonly sender = new Sender();
  readonly buffers: ReadBuffers;
  readonly ranges = sharedRanges();
  readonly requestHead = new RequestHead();
  readonly responseHead = new ResponseHead();
  readonly incomingRequest = new IncomingRequest();
  readonly flushes = new FlushQueue();
  readonly gatherBuffers = new GatherBuffers();
  readonly fields = new Fields();
  /** For the next client: an exchange is a dozen objects. */
  readonly #spareExchanges: Exchange[] = [];
  /** Some of them may have a timeout set. */
  #areSparesArmed = false;
  /** Open connections to backends, busy, idle or opening. */
  backendConnections = 0;
  /** Idle connections that were closed because the backend said something nobody had asked for. */
  discarded = 0;
  /** Requests under way. */
  exchanges = 0;
  readonly #record = emptyTrafficRecord();
  readonly #idPrefix: string;
  #lastId = 0;

  constructor(context: WorkerContext) {
    this.context = context;
    this.clock = context.clock;
    this.deadlines = context.deadlines;
    this.buffers = context.buffers;
    this.turns = new LoopTurns(context.clock);
    this.pool = new BackendPool();
    this.sessions = new SessionPool(this);
    const random = Math.floor(context.rng() * 2 ** 48).toString(36);
    this.#idPrefix = `${random}${context.clock.wall().toString(36)}${context.workerId.toString(36)}-`;
  }

  takeExchange(): Exchange | undefined {
    return this.#spareExchanges.pop();
  }

  /** Its client is gone. */
  giveBackExchange(exchange: Exchange): void {
    if (this.#spareExchanges.length < MAX_SPARE_EXCHANGES) this.#spareExchanges.push(exchange);
  }

  /** Its client is there still. Its timeout stays set: the next request is about to put it off. */
  lendExchange(exchange: Exchange): void {
    this.#areSparesArmed = true;
    if (this.#spareExchanges.length < MAX_SPARE_EXCHANGES) this.#spareExchanges.push(exchange);
    else exchange.clientGone();
  }

  /** A port has no client any more. Where no other one has a request, nothing is to be set. */
  restExchanges(): void {
    if (!this.#areSparesArmed || this.exchanges > 0) return;
    this.#areSparesArmed = false;
    for (const exchange of this.#spareExchanges) exchange.clientGone();
  }

  /** Unique over proxies and restarts. */
  nextRequestId(): string {
    this.#lastId += 1;
    return this.#idPrefix + this.#lastId.toString(36);
  }

  /** The record to fill in and give to `report`, before anybody else asks for it. */
  get record(): TrafficRecord {
    return this.#record;
  }

  /** A request that was refused before it could be read, or a connection before it brought one. */
  reportRefused(error: ErrorCode, reason: string, clientAddress: string): void {
    const record = this.#record;
    Object.assign(record, emptyTrafficRecord());
    record.status = traitsOf(error).status;
    record.error = error;
    record.reason = reason;
    record.clientAddress = clientAddress;
    this.report(record);
  }

  report(record: TrafficRecord): void {
    this.context.traffic.record(record);
    this.context.accessLog?.record(record);
  }
}
