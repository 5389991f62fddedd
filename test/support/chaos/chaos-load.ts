import { Agent, request } from 'node:http';
import type { Rng } from '../../../lib/clock.ts';

export interface LoadResult {
  sent: number;
  ok: number;
  /** GETs that got no answer, or one of 5xx. */
  readonly failedIdempotent: string[];
  /** Responses that had begun when they broke off. */
  cutOff: number;
  /** POSTs that failed; they may be repeated by nobody. */
  failedPosts: number;
}

/**
 * Sends `total` requests at `perSecond`, whatever becomes of those before (open loop): 80 % quick GETs, 15 % POSTs and
 * 5 % slow GETs, each with an id of its own in `x-chaos-id`. The client never repeats one.
 */
export async function sendLoad(
  port: number,
  options: { total: number; perSecond: number; slowMs: number; rng: Rng },
): Promise<LoadResult> {
  const { total, perSecond, slowMs, rng } = options;
  // As many as the proxy takes: what waited for a socket here would wait behind the slow ones, and be no open loop.
  const agent = new Agent({ keepAlive: true, maxSockets: 1_500 });
  const result: LoadResult = { sent: 0, ok: 0, failedIdempotent: [], cutOff: 0, failedPosts: 0 };
  const started = performance.now();
  const open = new Set<Promise<void>>();
  while (result.sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1_000) * perSecond) + 1);
    while (result.sent < due) {
      result.sent += 1;
      const one = sendOne(agent, port, pickRequest(result.sent, rng(), slowMs), result);
      open.add(one);
      void one.finally(() => open.delete(one));
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(open);
  agent.destroy();
  return result;
}

interface Planned {
  readonly id: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
}

function pickRequest(number: number, draw: number, slowMs: number): Planned {
  const id = `r${number}`;
  if (draw < 0.8) return { id, method: 'GET', path: '/fast' };
  if (draw < 0.95) return { id, method: 'POST', path: '/fast' };
  return { id, method: 'GET', path: `/slow?ms=${slowMs}` };
}

function sendOne(
  agent: Agent,
  port: number,
  { id, method, path }: Planned,
  result: LoadResult,
): Promise<void> {
  return new Promise((resolve) => {
    const failed = (why: string): void => {
      if (method === 'POST') result.failedPosts += 1;
      else result.failedIdempotent.push(`${id} ${path}: ${why}`);
      resolve();
    };
    const headers = { 'x-chaos-id': id };
    const sent = request({ host: '127.0.0.1', port, method, path, agent, headers }, (response) => {
      const status = response.statusCode ?? 0;
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        if (status >= 500) failed(`${status} ${text.trim()}`);
        else {
          result.ok += 1;
          resolve();
        }
      });
      response.on('error', () => {
        result.cutOff += 1;
        resolve();
      });
    });
    sent.on('error', (error) => failed(error.message));
    sent.end(method === 'POST' ? 'x'.repeat(512) : undefined);
  });
}
