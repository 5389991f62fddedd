import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { ProbeConfig } from '../../api/snapshot.ts';
import type { Clock } from '../../lib/clock.ts';
import { answerTimeout, connectError, deadline } from './probe-end.ts';
import { fail, PASS, type ProbeResult, type ProbeTarget } from './probe.ts';

/**
 * A UDP check; a `RunProbe`. One datagram from a connected socket, so that only the endpoint's own replies arrive,
 * and an ICMP port unreachable comes back as a refusal. With `expect` one of the replies has to contain that text;
 * without, silence passes.
 */
export function probeUdp(
  clock: Clock,
  target: ProbeTarget,
  probe: Extract<ProbeConfig, { type: 'UDP' }>,
  done: (result: ProbeResult) => void,
): () => void {
  const { address, port, spec } = target;
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  let over = false;
  let answered = false;

  const stop = (): void => {
    over = true;
    stopTimer();
    socket.close();
  };
  const settle = (result: ProbeResult): void => {
    if (over) return;
    stop();
    done(result);
  };
  const stopTimer = deadline(clock, spec.timeoutMs, (stalled) => {
    if (stalled !== undefined) settle(stalled);
    else if (probe.expect === undefined) settle(PASS);
    else if (answered) settle(fail('UnexpectedReply', 'the reply does not contain the expected text'));
    else settle(answerTimeout(spec.timeoutMs));
  });

  socket.on('message', (message) => {
    answered = true;
    if (probe.expect === undefined || message.includes(probe.expect)) settle(PASS);
  });
  const failed = (error: Error | null | undefined): boolean => {
    if (error !== null && error !== undefined) settle(connectError(error));
    return over;
  };
  socket.on('error', failed);
  socket.connect(port, address, (error?: Error) => {
    if (!failed(error)) socket.send(probe.send, failed);
  });
  return stop;
}
