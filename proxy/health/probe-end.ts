import type { Clock } from '../../lib/clock.ts';
import { isTlsError } from '../conn/connect-error.ts';
import { fail, type ProbeResult } from './probe.ts';

/** A timer that fires this late says that the thread stood still, not that the endpoint did. */
const STALL_MS = 250;

/** Our own shortages: no descriptors, ports or memory left. */
const LOCAL: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
  'EAGAIN',
]);

/**
 * Calls `onTimeout` after `timeoutMs` unless cancelled. When the thread stood still meanwhile, what the endpoint
 * answered may lie unread: `stalled` carries the result to give instead.
 */
export function deadline(
  clock: Clock,
  timeoutMs: number,
  onTimeout: (stalled: ProbeResult | undefined) => void,
): () => void {
  const dueAt = clock.now() + timeoutMs;
  return clock.after(timeoutMs, () => {
    const late = clock.now() - dueAt;
    onTimeout(
      late > STALL_MS
        ? { kind: 'unknown', message: `the proxy itself stood still for ${Math.round(late)} ms` }
        : undefined,
    );
  });
}

/** What an error while connecting means. */
export function connectError(error: unknown): ProbeResult {
  const code = codeOf(error);
  if (code === 'ECONNREFUSED') return fail('ConnectRefused', 'connection refused');
  if (code === 'ETIMEDOUT') return fail('ConnectTimeout', 'connection timed out');
  if (isTlsError(code)) return fail('TLSFailed', `the TLS handshake failed: ${code}`);
  if (LOCAL.has(code)) return { kind: 'unknown', message: `the proxy could not probe: ${code}` };
  return fail('ConnectFailed', `cannot connect: ${code}`);
}

/** What an error on an established connection means. */
export function brokenConnection(error: unknown): ProbeResult {
  return fail('ProtocolError', `connection broke before the answer was complete: ${codeOf(error)}`);
}

export function connectTimeout(timeoutMs: number): ProbeResult {
  return fail('ConnectTimeout', `no connection within ${timeoutMs} ms`);
}

export function answerTimeout(timeoutMs: number): ProbeResult {
  return fail('Timeout', `no complete answer within ${timeoutMs} ms`);
}

/** The error's code (`ECONNRESET`); never its message, which may quote what the peer sent. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
