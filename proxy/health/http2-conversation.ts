import { connect, type ClientHttp2Session } from 'node:http2';
import { isIPv6 } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { openConnection } from './probe-connection.ts';
import {
  answerTimeout,
  brokenConnection,
  codeOf,
  connectError,
  connectTimeout,
  deadline,
} from './probe-end.ts';
import { fail, type ProbeResult, type ProbeTarget } from './probe.ts';

export const BROKEN_OFF = fail('ProtocolError', 'the stream was closed before the answer was complete');

/** Asks what it is to ask on a session that stands; whichever result comes first ends it. */
type Ask = (session: ClientHttp2Session, settle: (result: ProbeResult) => void) => void;

/**
 * A probe on an HTTP/2 session of its own, in clear with prior knowledge or over TLS; a `RunProbe` but for the
 * question. By `node:http2`: a probe each few seconds is off the hot path, and a second implementation asks.
 */
export function converseOverHttp2(
  clock: Clock,
  target: ProbeTarget,
  ask: Ask,
  done: (result: ProbeResult) => void,
): () => void {
  const { address, port, spec } = target;
  const authority = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  const session = connect(`${spec.tls === undefined ? 'http' : 'https'}://${authority}`, {
    settings: { enablePush: false },
    createConnection: () => openConnection(target, ['h2']),
  });
  let connected = false;
  let over = false;

  const stop = (): void => {
    over = true;
    stopTimer();
    session.destroy();
  };
  const settle = (result: ProbeResult): void => {
    if (over) return;
    stop();
    done(result);
  };
  const stopTimer = deadline(clock, spec.timeoutMs, (stalled) => {
    settle(stalled ?? (connected ? answerTimeout(spec.timeoutMs) : connectTimeout(spec.timeoutMs)));
  });

  session.on('connect', () => {
    if (over) return;
    connected = true;
    ask(session, settle);
  });
  session.on('error', (error) => settle(connected ? sessionError(error) : connectError(error)));
  session.on('close', () => settle(BROKEN_OFF));
  return stop;
}

/** On a connection that stands: it broke, or the peer does not speak HTTP/2. */
export function sessionError(error: Error): ProbeResult {
  return codeOf(error).startsWith('ERR_HTTP2')
    ? fail('ProtocolError', 'the answer is not HTTP/2')
    : brokenConnection(error);
}
