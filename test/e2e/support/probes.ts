import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** One request over a connection of its own. */
export interface Sample {
  /** When it began; milliseconds. */
  readonly at: number;
  readonly tookMs: number;
  /** `HTTP 200`, or the error's code. */
  readonly outcome: string;
  /** Address of the proxy that the backend was asked by. */
  readonly via: string;
}

/** What clients saw of a change from one proxy to another. */
export interface Handover {
  /** From the last request that the one before answered to the first that the next one did: 0 when they overlap. */
  readonly gapMs: number;
  /** How long both answered new connections. */
  readonly overlapMs: number;
  readonly failed: number;
  readonly sent: number;
}

const EVERY_MS = 20;
const TIMEOUT_MS = 5_000;

/** New connections at an even pace, whatever becomes of those before. */
export function startProbes(url: string): { stop(): Promise<Sample[]> } {
  const stopped = new AbortController();
  const all: Promise<Sample>[] = [];
  const running = (async () => {
    while (!stopped.signal.aborted) {
      all.push(probe(url));
      await sleep(EVERY_MS);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await running;
      return Promise.all(all);
    },
  };
}

export function handover(samples: readonly Sample[], from: string): Handover {
  const good = samples.filter(({ outcome }) => outcome === 'HTTP 200');
  const last = good.findLast(({ via }) => via === from)?.at ?? NaN;
  const first = good.find(({ via }) => via !== from)?.at ?? NaN;
  return {
    gapMs: Math.max(0, Math.round(first - last)),
    overlapMs: Math.max(0, Math.round(last - first)),
    failed: samples.length - good.length,
    sent: samples.length,
  };
}

/** `min 1, median 2, p95 3, max 4` */
export function distribution(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  return `min ${at(0)}, median ${at(0.5)}, p95 ${at(0.95)}, max ${sorted.at(-1)}`;
}

function probe(url: string): Promise<Sample> {
  const at = performance.now();
  return new Promise((resolve) => {
    const end = (outcome: string, via = ''): void =>
      resolve({ at, tookMs: performance.now() - at, outcome, via });
    const sending = get(url, { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      response.resume();
      response.on('end', () => end(`HTTP ${response.statusCode}`, String(response.headers['x-proxy'] ?? '')));
      response.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.name));
    });
    sending.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.name));
  });
}
