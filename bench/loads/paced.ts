import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { LOAD_CORE } from '../pinned.ts';

const execute = promisify(execFile);
const REQUEST = 'GET / HTTP/1.1\r\nHost: bench.example\r\n\r\n';
const CONNECTIONS = 50;
/** Requests of the first part of a run warm up what they meet. */
const COUNTED_FROM = 0.2;
/** Nanoseconds that the kernel may let a sleep last longer. */
const TIMER_SLACK = '1000';

export interface Latencies {
  /** Milliseconds from when a request was due to the end of its answer. */
  readonly p50: number;
  readonly p99: number;
  /** Requests that were due and not sent, all connections being busy; they would have waited. */
  readonly skipped: number;
  /** Share of requests that left more than one interval late: above a few percent the load is not even. */
  readonly late: number;
}

/**
 * HTTP/1.1 requests at even intervals, whether or not earlier ones have been answered, from a process on the load
 * core. h2load and wrk send what is due in bursts, once a millisecond or less often, and then measure the queue that
 * they have made.
 */
export async function paced(port: number, rate: number, seconds: number): Promise<Latencies> {
  const script = [process.execPath, import.meta.filename, String(port), String(rate), String(seconds)];
  const { stdout } = await execute('taskset', ['-c', LOAD_CORE, ...script]);
  return JSON.parse(stdout) as Latencies;
}

const nowMs = (): number => performance.now();

/** A connection with at most one request under way. */
class Lane {
  readonly #socket: Socket;
  readonly #free: Lane[];
  readonly #took: number[];
  #dueMs = 0;
  #missing = 0;

  constructor(port: number, free: Lane[], took: number[]) {
    this.#free = free;
    this.#took = took;
    const onread = { buffer: Buffer.alloc(65_536), callback: this.#read };
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
  }

  /** Resolves when it is open and free. */
  async open(): Promise<void> {
    await once(this.#socket, 'connect');
    this.#free.push(this);
  }

  send(dueMs: number): void {
    this.#dueMs = dueMs;
    this.#missing = -1;
    this.#socket.write(REQUEST, 'latin1');
  }

  readonly #read = (bytes: number, buffer: Uint8Array): boolean => {
    if (this.#missing < 0) this.#missing = answerSize((buffer as Buffer).toString('latin1', 0, bytes));
    this.#missing -= bytes;
    if (this.#missing > 0) return true;
    this.#took.push(nowMs() - this.#dueMs);
    this.#free.push(this);
    return true;
  };
}

/** Its head comes in one read. */
function answerSize(start: string): number {
  const end = start.indexOf('\r\n\r\n') + 4;
  const [, length] = /\r\ncontent-length: *(\d+)\r\n/i.exec(start.slice(0, end)) ?? [];
  if (!start.startsWith('HTTP/1.1 200') || length === undefined) throw new Error(`answered: ${start}`);
  return end + Number(length);
}

async function load(port: number, rate: number, seconds: number): Promise<Latencies> {
  const free: Lane[] = [];
  const took: number[] = [];
  await Promise.all(Array.from({ length: CONNECTIONS }, () => new Lane(port, free, took).open()));
  writeFileSync('/proc/self/timerslack_ns', TIMER_SLACK);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const everyMs = 1_000 / rate;
  const startMs = nowMs();
  let due = 0;
  let skipped = 0;
  let late = 0;
  const total = Math.floor(rate * seconds);
  await new Promise<void>((resolve) => {
    const turn = (): void => {
      let waitMs = startMs + due * everyMs - nowMs();
      // libuv waits whole milliseconds; a turn of the loop takes what has been answered meanwhile.
      if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs);
      for (; due < total; due++) {
        const dueMs = startMs + due * everyMs;
        waitMs = dueMs - nowMs();
        if (waitMs > 0) break;
        if (-waitMs > everyMs) late += 1;
        const lane = free.shift();
        if (lane === undefined) skipped += 1;
        else lane.send(dueMs);
      }
      if (due < total) setImmediate(turn);
      else setTimeout(resolve, 100);
    };
    turn();
  });
  const counted = took.slice(Math.floor(took.length * COUNTED_FROM)).sort((a, b) => a - b);
  const at = (share: number): number => counted[Math.floor(counted.length * share)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), skipped, late: late / total };
}

if (import.meta.main) {
  const [port, rate, seconds] = process.argv.slice(2).map(Number);
  process.stdout.write(JSON.stringify(await load(port!, rate!, seconds!)), () => process.exit());
}
