import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { isIPv6 } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { encodeCheckRequest, grpcStatusFailure, judgeCheckResponse } from './grpc-health.ts';
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

const BROKEN_OFF = fail('ProtocolError', 'the stream was closed before the answer was complete');

/** A HealthCheckResponse has 7 bytes. */
const BODY_LIMIT = 4 * 1024;

/** A gRPC health check (grpc.health.v1.Health/Check) over HTTP/2, in clear with prior knowledge or over TLS; a `RunProbe`. */
export function probeGrpc(
  clock: Clock,
  target: ProbeTarget,
  service: string,
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
    ask(session, service, settle);
  });
  session.on('error', (error) => settle(connected ? sessionError(error) : connectError(error)));
  session.on('close', () => settle(BROKEN_OFF));
  return stop;
}

function ask(session: ClientHttp2Session, service: string, settle: (result: ProbeResult) => void): void {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'evenkeel-health-check',
  });
  const body: Buffer[] = [];
  let received = 0;
  let grpcStatus: string | undefined;
  const readStatus = (headers: IncomingHttpHeaders): void => {
    const value = headers['grpc-status'];
    if (typeof value === 'string') grpcStatus = value;
  };

  stream.on('response', (headers) => {
    readStatus(headers);
    const status = headers[':status'];
    if (status !== 200) settle(fail('UnexpectedStatus', `HTTP ${status}, wanted 200`));
  });
  stream.on('trailers', readStatus);
  stream.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > BODY_LIMIT) settle(fail('ProtocolError', 'the answer is longer than 4 KiB'));
    else body.push(chunk);
  });
  stream.on('end', () => {
    settle(grpcStatus === '0' ? judgeCheckResponse(Buffer.concat(body)) : grpcStatusFailure(grpcStatus));
  });
  stream.on('error', (error) => settle(sessionError(error)));
  stream.on('close', () => settle(BROKEN_OFF));
  stream.end(encodeCheckRequest(service));
}

/** On a connection that stands: it broke, or the peer does not speak HTTP/2. */
function sessionError(error: Error): ProbeResult {
  return codeOf(error).startsWith('ERR_HTTP2')
    ? fail('ProtocolError', 'the answer is not HTTP/2')
    : brokenConnection(error);
}
