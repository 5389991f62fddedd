import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LoadResult {
  readonly sent: number;
  readonly ok: number;
  /** How many failed in which way, such as `ECONNREFUSED` or `HTTP 503`. */
  readonly failures: Readonly<Record<string, number>>;
  /** When the first failed, in milliseconds since the load began; 0 without failures. */
  readonly firstMs: number;
  /** Milliseconds from the first failure to the last. */
  readonly failingMs: number;
}

export interface Load {
  /** Ends it; resolves when the last answer is there. */
  stop(): Promise<LoadResult>;
}

export const CLIENTS = 8;
const PAUSE_MS = 20;
const REQUESTS_PER_CONNECTION = 50;

/**
 * Constant load, as clients make it that never repeat a request: each sends GETs one after the other, over a
 * connection that it keeps for a while, to one of the addresses in turn, for one host after the other.
 */
export function startLoad(urls: readonly string[], hosts: readonly string[] = []): Load {
  const stopped = new AbortController();
  const startedAt = performance.now();
  let sent = 0;
  let ok = 0;
  let firstFailure = 0;
  let lastFailure = 0;
  const failures: Record<string, number> = {};
  const fail = (kind: string): void => {
    failures[kind] = (failures[kind] ?? 0) + 1;
    lastFailure = performance.now();
    firstFailure ||= lastFailure;
  };
  const client = async (offset: number): Promise<void> => {
    for (let turn = offset; !stopped.signal.aborted; turn += 1) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const url = urls[turn % urls.length]!;
      for (let i = 0; i < REQUESTS_PER_CONNECTION && !stopped.signal.aborted; i += 1) {
        sent += 1;
        const outcome = await request(url, agent, hosts[sent % hosts.length]);
        if (outcome === 'HTTP 200') ok += 1;
        else fail(outcome);
        await sleep(PAUSE_MS);
      }
      agent.destroy();
    }
  };
  const clients = Array.from({ length: CLIENTS }, (_, index) => client(index));
  return {
    async stop() {
      stopped.abort();
      await Promise.all(clients);
      return {
        sent,
        ok,
        failures,
        firstMs: firstFailure === 0 ? 0 : Math.round(firstFailure - startedAt),
        failingMs: Math.round(lastFailure - firstFailure),
      };
    },
  };
}

/** `HTTP <status>`, or the error's code. */
export function request(url: string, agent: Agent, host?: string): Promise<string> {
  return new Promise((resolve) => {
    const headers = host === undefined ? {} : { host };
    const sending = get(url, { agent, headers, timeout: 10_000 }, (response) => {
      response.resume();
      response.on('end', () => resolve(`HTTP ${response.statusCode}`));
      response.on('error', (error: NodeJS.ErrnoException) => resolve(`answer cut: ${error.code}`));
    });
    sending.on('timeout', () => sending.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
    sending.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
