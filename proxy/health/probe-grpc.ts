import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2';
import type { Clock } from '../../lib/clock.ts';
import { encodeCheckRequest, grpcStatusFailure, judgeCheckResponse } from './grpc-health.ts';
import { BROKEN_OFF, converseOverHttp2, sessionError } from './http2-conversation.ts';
import { fail, type ProbeResult, type ProbeTarget } from './probe.ts';

/** A HealthCheckResponse has 7 bytes. */
const BODY_LIMIT = 4 * 1024;

/** A gRPC health check (grpc.health.v1.Health/Check); a `RunProbe`. */
export function probeGrpc(
  clock: Clock,
  target: ProbeTarget,
  service: string,
  done: (result: ProbeResult) => void,
): () => void {
  return converseOverHttp2(clock, target, (session, settle) => ask(session, service, settle), done);
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
