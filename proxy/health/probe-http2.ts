import { constants, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import type { Clock } from '../../lib/clock.ts';
import { BROKEN_OFF, converseOverHttp2, sessionError } from './http2-conversation.ts';
import { HttpExpectation, type HttpProbe } from './http-expectation.ts';
import { requestFields } from './probe-http.ts';
import type { ProbeResult, ProbeTarget } from './probe.ts';

/** An HTTP check of an endpoint that speaks HTTP/2; a `RunProbe`. */
export function probeHttp2(
  clock: Clock,
  target: ProbeTarget,
  probe: HttpProbe,
  done: (result: ProbeResult) => void,
): () => void {
  const request = requestOf(probe, target);
  const expectation = new HttpExpectation(probe);
  return converseOverHttp2(
    clock,
    target,
    (session, settle) => ask(session, { request, expectation }, settle),
    done,
  );
}

function requestOf(probe: HttpProbe, { address, port }: ProbeTarget): OutgoingHttpHeaders {
  const { host, connection: _, ...fields } = Object.fromEntries(requestFields(probe, address, port));
  return { ':method': probe.method, ':path': probe.path, ':authority': host, ...fields };
}

function ask(
  session: ClientHttp2Session,
  { request, expectation }: { readonly request: OutgoingHttpHeaders; readonly expectation: HttpExpectation },
  settle: (result: ProbeResult) => void,
): void {
  const stream = session.request(request, { endStream: true });
  let isAnswered = false;
  const judge = (result: ProbeResult | undefined): void => {
    if (result !== undefined) settle(result);
  };
  stream.on('response', (headers) => {
    isAnswered = true;
    judge(expectation.status(headers[':status'] ?? 0));
  });
  stream.on('data', (part: Buffer) => judge(expectation.body(part)));
  stream.on('error', (error) => settle(sessionError(error)));
  // 'end' comes after a reset, too.
  stream.on('close', () => {
    const isWhole = isAnswered && stream.readableEnded && stream.rstCode === constants.NGHTTP2_NO_ERROR;
    settle(isWhole ? expectation.end() : BROKEN_OFF);
  });
}
