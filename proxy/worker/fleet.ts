import type { BoundSocket } from 'node:net';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { PoolTraffic } from '../../api/traffic.ts';
import type { Clock } from '../../lib/clock.ts';
import type { PassiveEvent } from '../health/passive-reporter.ts';
import type { PlannedPort } from '../listen/port-plan.ts';
import type { WorkerLoad } from '../observe/load.ts';
import type { MetricJson } from '../observe/traffic-meter.ts';
import type { RateTable } from '../routing/rate-table.ts';
import { MAX_WORKERS, type SharedTable } from '../state/shared-table.ts';
import { editOf, type PoolEdit } from './pool-edit.ts';
import { bindShared, type Reservation } from './port-reservation.ts';
import type { FromWorker, PoolChange, ToWorker, WorkerData } from './protocol.ts';
import { respawnDelayMs } from './respawn-delay.ts';

/** Run from the sources, or bundled into one file beside `worker.mjs` (scripts/bundle.ts). */
const WORKER_ENTRY = new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './worker.mjs', import.meta.url);

/** A worker whose heartbeat stands still for this long is hung: it is replaced. */
const HUNG_MS = 5_000;
const WATCH_MS = 500;
/** A thread that has not ended this long after it had to is stuck where no JavaScript runs. */
const STUCK_MS = 5_000;

interface Member {
  readonly row: number;
  readonly thread: Worker;
  readonly startedAt: number;
  /** Opens ports and counts in barriers; false while it starts, and once it has handed over. */
  serving: boolean;
  /** Has been told all pools, and so is told every change: also while it only serves out what it has. */
  informed: boolean;
  leaving: boolean;
  /** Its heartbeat stood still: it is being ended. */
  hung: boolean;
  beat: number;
  beatAt: number;
  /** Questions it has not answered. */
  readonly pending: Map<number, (answer: FromWorker | undefined) => void>;
}

export interface FleetOptions {
  readonly workers: number;
  readonly table: SharedTable;
  readonly rateTable: RateTable;
  readonly data: Omit<WorkerData, 'workerId' | 'table' | 'rateTable'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What a thread runs; absent: proxy/worker/main.ts. Tests add faults to it. */
  readonly entry?: URL;
  readonly onPassive: (event: PassiveEvent) => void;
  /** A thread was lost and replaced; `reason` for the log and the metric. */
  readonly onReplaced: (reason: 'crash' | 'exception' | 'hung') => void;
}

/**
 * The worker threads of a proxy, as one: a change is applied when every serving thread has applied it, a port is
 * open when it is open in each. Keeps what a new thread must be told, replaces threads that die (at once), throw
 * (the successor gets the listening sockets, accept queues included) or hang (after 5 s), and takes what a dead
 * thread had in flight back out of the shared counts.
 */
export class WorkerFleet {
  readonly #options: FleetOptions;
  readonly #members = new Map<number, Member>();
  readonly #pools = new Map<string, PoolChange>();
  readonly #ports = new Map<string, PlannedPort>();
  /** Which row owns a UDP port. */
  readonly #udpOwners = new Map<string, number>();
  #seq = 0;
  #closing = false;
  #stopWatching: () => void = () => {};

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Threads that serve. */
  get size(): number {
    return this.#serving().length;
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.#spawn()));
    this.#watch();
  }

  /** Resolves when no worker can meet what was before: those that are leaving included. */
  async apply(upsert: readonly PoolChange[], remove: readonly string[]): Promise<void> {
    const whole: PoolChange[] = [];
    const edit: PoolEdit[] = [];
    for (const change of upsert) {
      const before = this.#pools.get(change.pool.uid);
      if (before === undefined) whole.push(change);
      else edit.push(editOf(before, change));
      this.#pools.set(change.pool.uid, change);
    }
    for (const uid of remove) this.#pools.delete(uid);
    const message = { type: 'apply', seq: 0, upsert: whole, edit, remove } as const;
    const informed = [...this.#members.values()].filter((member) => member.informed);
    await Promise.all(informed.map((member) => this.#ask(member, message)));
  }

  /** Accepts on a reserved port in every worker. */
  async listen(reservation: Reservation): Promise<string | undefined> {
    this.#ports.set(reservation.port.id, reservation.port);
    return this.#open(reservation.port, this.#serving(), reservation.sockets);
  }

  /** Resolves when no worker accepts on the port any more; what was queued has been served. */
  async unlisten(portId: string): Promise<void> {
    this.#ports.delete(portId);
    this.#udpOwners.delete(portId);
    await Promise.all(
      this.#serving().map((member) => this.#ask(member, { type: 'unlisten', seq: 0, portId })),
    );
  }

  /** What each worker has counted, in prom-client's JSON form, and what it holds now. */
  async collect(): Promise<{ metrics: (readonly MetricJson[])[]; loads: WorkerLoad[] }> {
    const answers = await Promise.all(
      this.#serving().map((member) => this.#ask(member, { type: 'collect', seq: 0 })),
    );
    const metrics: (readonly MetricJson[])[] = [];
    const loads: WorkerLoad[] = [];
    for (const answer of answers) {
      if (answer?.type !== 'collected') continue;
      metrics.push(answer.metrics);
      loads.push(answer.load);
    }
    return { metrics, loads };
  }

  /** What pools have carried, by worker. */
  async count(): Promise<(readonly PoolTraffic[])[]> {
    const answers = await Promise.all(
      this.#serving().map((member) => this.#ask(member, { type: 'count', seq: 0 })),
    );
    return answers.flatMap((answer) => (answer?.type === 'counted' ? [answer.traffic] : []));
  }

  /** Resolves when nothing is open any more in any worker. */
  async drain(): Promise<void> {
    await Promise.all(
      [...this.#members.values()].map(
        (member) =>
          new Promise<void>((resolve) => {
            member.thread.on('message', (message: FromWorker) => {
              if (message.type === 'drained') resolve();
            });
            member.thread.once('exit', () => resolve());
            post(member, { type: 'drain' });
          }),
      ),
    );
  }

  /** False: a thread is stuck, and ends with the process only. */
  async close(): Promise<boolean> {
    this.#closing = true;
    this.#stopWatching();
    const ended = await Promise.all([...this.#members.values()].map((member) => this.#end(member)));
    return ended.every(Boolean);
  }

  #serving(): Member[] {
    return [...this.#members.values()].filter((member) => member.serving);
  }

  async #spawn(predecessor?: Member): Promise<void> {
    const row = this.#freeRow();
    const thread = new Worker(this.#options.entry ?? WORKER_ENTRY, {
      workerData: {
        ...this.#options.data,
        workerId: row,
        table: this.#options.table.buffer,
        rateTable: this.#options.rateTable.buffer,
      } satisfies WorkerData,
    });
    const member: Member = {
      row,
      thread,
      startedAt: this.#options.clock.now(),
      serving: false,
      informed: false,
      leaving: false,
      hung: false,
      beat: 0,
      beatAt: this.#options.clock.now(),
      pending: new Map(),
    };
    this.#members.set(row, member);
    const ready = new Promise<boolean>((resolve) => {
      thread.on('message', (message: FromWorker) => {
        if (message.type === 'ready') resolve(true);
        else this.#receive(member, message);
      });
      thread.on('error', (error) => this.#options.log.error({ worker: row, err: error }, 'worker failed'));
      thread.once('exit', () => {
        resolve(false);
        this.#gone(member);
      });
    });
    if (!(await ready)) return;
    // The thread is told everything before it counts, so a change can neither be missed nor come twice.
    member.serving = true;
    member.informed = true;
    const known = this.#ask(member, {
      type: 'apply',
      seq: 0,
      upsert: [...this.#pools.values()],
      edit: [],
      remove: [],
    });
    if (predecessor === undefined) {
      await known;
      await Promise.all([...this.#ports.values()].map((port) => this.#open(port, [member])));
    } else {
      await known;
      await this.#handOver(predecessor, member);
    }
  }

  #receive(member: Member, message: FromWorker): void {
    switch (message.type) {
      case 'passive':
        this.#options.onPassive(message.event);
        return;
      case 'failing':
        this.#replace(member, message.error);
        return;
      case 'applied':
      case 'listening':
      case 'collected':
      case 'counted': {
        const resolve = member.pending.get(message.seq);
        member.pending.delete(message.seq);
        resolve?.(message);
        return;
      }
      case 'drained':
        if (member.leaving) void this.#end(member);
        return;
      case 'ready':
        return;
    }
  }

  /** Asks one worker; undefined when it died before it answered. */
  #ask(
    member: Member,
    message: Extract<ToWorker, { seq: number }>,
    transfer: readonly (BoundSocket | MessagePort)[] = [],
  ): Promise<FromWorker | undefined> {
    if (this.#members.get(member.row) !== member) return Promise.resolve(undefined);
    const seq = ++this.#seq;
    return new Promise((resolve) => {
      member.pending.set(seq, resolve);
      post(member, { ...message, seq }, transfer);
    });
  }

  async #open(
    port: PlannedPort,
    members: readonly Member[],
    sockets: readonly BoundSocket[] = [],
  ): Promise<string | undefined> {
    if (port.transport === 'udp') return this.#openUdp(port, members);
    const opened = await Promise.all(
      members.map(async (member, index) => {
        const bound = sockets[index] ?? bindShared(port);
        if (typeof bound === 'string') return bound;
        const answer = await this.#ask(member, { type: 'listen', seq: 0, portId: port.id, bound }, [bound]);
        return answer?.type === 'listening' ? answer.error : undefined;
      }),
    );
    return opened.find((error) => error !== undefined);
  }

  /** One worker owns a UDP port, since a flow moves when a socket joins or leaves a reuse group; ports spread. */
  async #openUdp(port: PlannedPort, members: readonly Member[]): Promise<string | undefined> {
    const owner = this.#udpOwners.get(port.id);
    if (owner !== undefined && this.#members.get(owner)?.serving === true) return undefined;
    const owned = (member: Member): number =>
      [...this.#udpOwners.values()].filter((row) => row === member.row).length;
    const [member] = [...members].sort((a, b) => owned(a) - owned(b) || a.row - b.row);
    if (member === undefined) return undefined;
    this.#udpOwners.set(port.id, member.row);
    const answer = await this.#ask(member, { type: 'listen', seq: 0, portId: port.id });
    return answer?.type === 'listening' ? answer.error : undefined;
  }

  /** Starts a successor for a worker that threw; the predecessor serves on until it has handed over. */
  #replace(member: Member, error: string): void {
    this.#options.log.error({ worker: member.row, error }, 'worker threw: replacing it');
    if (member.leaving || this.#closing) return;
    member.leaving = true;
    this.#options.onReplaced('exception');
    void this.#spawn(member);
  }

  async #handOver(predecessor: Member, successor: Member): Promise<void> {
    predecessor.serving = false;
    const { port1, port2 } = new MessageChannel();
    post(successor, { type: 'take-over', from: port1 }, [port1]);
    const handed = await this.#ask(predecessor, { type: 'hand-over', seq: 0, to: port2 }, [port2]);
    for (const port of this.#ports.values()) {
      if (port.transport === 'udp') {
        if (this.#udpOwners.get(port.id) === predecessor.row) this.#udpOwners.delete(port.id);
        await this.#openUdp(port, [successor]);
      } else if (handed === undefined) {
        // It died on the way: what it had not handed over is opened anew.
        await this.#open(port, [successor]);
      }
    }
  }

  /**
   * Answers when the thread has ended. False: it is stuck in the kernel, or in what Node does after JavaScript, and is
   * counted as gone; what it had open stays open.
   */
  async #end(member: Member): Promise<boolean> {
    const { clock, log } = this.#options;
    const ended = await new Promise<boolean>((resolve) => {
      const cancel = clock.after(STUCK_MS, () => resolve(false));
      void member.thread.terminate().then(() => {
        cancel();
        resolve(true);
      });
    });
    if (!ended) {
      log.error({ worker: member.row }, 'worker does not end: going on without it');
      this.#gone(member);
    }
    return ended;
  }

  #gone(member: Member): void {
    if (this.#members.get(member.row) !== member) return;
    this.#members.delete(member.row);
    member.serving = false;
    for (const resolve of member.pending.values()) resolve(undefined);
    member.pending.clear();
    this.#options.table.forgetWorker(member.row);
    for (const [portId, row] of this.#udpOwners) if (row === member.row) this.#udpOwners.delete(portId);
    if (this.#closing || member.leaving) return;
    this.#options.onReplaced('crash');
    const lived = this.#options.clock.now() - member.startedAt;
    const delayMs = respawnDelayMs(lived);
    this.#options.log.error(
      { worker: member.row, livedMs: Math.round(lived), delayMs },
      'worker died: replacing it',
    );
    this.#options.clock.after(delayMs, () => {
      if (!this.#closing) void this.#spawn();
    });
  }

  /** Finds hung workers by heartbeats that stand still, also among those that have a successor: changes wait for them. */
  #watch(): void {
    this.#stopWatching = this.#options.clock.after(WATCH_MS, () => {
      const now = this.#options.clock.now();
      for (const member of this.#members.values()) {
        if (!member.informed || member.hung) continue;
        const beat = this.#options.table.heartbeat(member.row);
        if (beat !== member.beat) {
          member.beat = beat;
          member.beatAt = now;
        } else if (now - member.beatAt > HUNG_MS) {
          this.#endHung(member);
        }
      }
      this.#watch();
    });
  }

  #endHung(member: Member): void {
    member.hung = true;
    if (member.leaving) {
      this.#options.log.error({ worker: member.row }, 'worker hangs that has been replaced: ending it');
      void this.#end(member);
      return;
    }
    this.#options.log.error({ worker: member.row }, 'worker hangs: replacing it');
    member.leaving = true;
    member.serving = false;
    this.#options.onReplaced('hung');
    void this.#end(member).then(() => this.#spawn());
  }

  #freeRow(): number {
    for (let row = 0; row < MAX_WORKERS; row++) if (!this.#members.has(row)) return row;
    throw new Error('no free worker row');
  }
}

function post(
  member: Member,
  message: ToWorker,
  transfer: readonly (BoundSocket | MessagePort)[] = [],
): void {
  member.thread.postMessage(message, transfer as readonly MessagePort[]);
}
