import { get, type Agent, type IncomingMessage } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { answerTimeout, codeOf, deadline } from './probe-end.ts';
import { fail, PASS, type ProbeResult, type ProbeTarget } from './probe.ts';

const MESSAGE_LIMIT = 200;
const BODY_LIMIT = 64 * 1024;

/**
 * Asks an HTTP prober of the user's about one endpoint: `GET url?address=…&port=…&backend=…&pool=…`. 2xx is healthy;
 * anything else is not, and the first line of its body says why. Connections to the prober are kept (`agent`), since
 * it is asked about every endpoint.
 *
 * A prober that cannot be reached, or breaks off, says nothing about the endpoint: the verdict stays. One that does not
 * answer in time fails the check, because what it waits for is most likely the endpoint.
 */
export function probeCustom(
  { clock, agent }: { readonly clock: Clock; readonly agent: Agent },
  target: ProbeTarget,
  url: string,
  done: (result: ProbeResult) => void,
): () => void {
  let over = false;
  const settle = (result: ProbeResult): void => {
    if (over) return;
    over = true;
    stopTimer();
    done(result);
  };
  const cutOff = (error: Error): void => {
    settle({ kind: 'unknown', message: `the prober does not answer: ${codeOf(error)}` });
  };
  const timeoutMs = target.spec.timeoutMs;
  const stopTimer = deadline(clock, timeoutMs, (stalled) => {
    settle(stalled ?? answerTimeout(timeoutMs));
    request.destroy();
  });

  const request = get(customUrl(url, target), { agent, headers: { 'user-agent': 'evenkeel-health-check' } });
  request.on('error', cutOff);
  request.on('response', (response) => {
    response.on('error', cutOff);
    readAnswer(response, (result) => {
      settle(result);
      if (!response.complete) request.destroy();
    });
  });
  return () => {
    over = true;
    stopTimer();
    request.destroy();
  };
}

export function customUrl(url: string, { address, port, spec }: ProbeTarget): URL {
  const asked = new URL(url);
  asked.searchParams.set('address', address);
  asked.searchParams.set('port', String(port));
  asked.searchParams.set('backend', spec.asks?.backend ?? '');
  asked.searchParams.set('pool', spec.asks?.pool ?? '');
  return asked;
}

/** May give its result more than once; the first counts. */
function readAnswer(response: IncomingMessage, give: (result: ProbeResult) => void): void {
  const status = response.statusCode!;
  let said = '';
  let received = 0;
  response.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (said.length < MESSAGE_LIMIT) said += chunk.toString('utf8');
    if (received > BODY_LIMIT) give(fail('UnexpectedBody', "the prober's answer is longer than 64 KiB"));
  });
  response.on('end', () => {
    if (status >= 200 && status <= 299) return give(PASS);
    const line = firstLine(said);
    give(fail('UnexpectedStatus', `the prober says HTTP ${status}${line === '' ? '' : `: ${line}`}`));
  });
}

/** The first line, printable, at most 200 characters. */
function firstLine(text: string): string {
  const [line] = text.trimStart().split(/[\r\n]/, 1);
  return line!
    .replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/gu, ' ')
    .trim()
    .slice(0, MESSAGE_LIMIT);
}
