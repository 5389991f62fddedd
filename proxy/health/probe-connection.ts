import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { connectEndpoint, openedEvent } from '../conn/connect-endpoint.ts';
import { formatProxyHeader } from '../listen/proxy-protocol.ts';
import { answerTimeout, brokenConnection, connectError, connectTimeout, deadline } from './probe-end.ts';
import { fail, type ProbeResult, type ProbeTarget } from './probe.ts';

/** What a probe says and listens for on one TCP connection; whichever returns a result first ends it. */
export interface Dialogue {
  /** Sent once connected. */
  readonly send?: string | undefined;
  connected?(): ProbeResult | undefined;
  data(chunk: Buffer): ProbeResult | undefined;
  /** The peer has said all it will say. */
  ended(): ProbeResult;
  /** Connected, but not done in time. */
  timedOut?(): ProbeResult;
}

/** Before TLS was there. */
const CLOSED_IN_HANDSHAKE = fail('TLSFailed', 'the connection was closed during the TLS handshake');

/** A connection for one probe. What the spec lets it begin with leaves first, whatever is written after. */
export function openConnection(
  { address, port, spec: { proxyOut, tls } }: ProbeTarget,
  protocols: readonly string[],
): Socket {
  const introduction = proxyOut === undefined ? undefined : formatProxyHeader(proxyOut, undefined);
  return connectEndpoint({ address, port, tls }, { introduction, protocols });
}

/** Holds a dialogue with the target on a connection of its own; a `RunProbe` but for the dialogue. */
export function converse(
  clock: Clock,
  target: ProbeTarget,
  dialogue: Dialogue,
  done: (result: ProbeResult) => void,
): () => void {
  const { spec } = target;
  const socket = openConnection(target, spec.probe.type === 'HTTP' ? ['http/1.1'] : []);
  let connected = false;
  let over = false;

  const stop = (): void => {
    over = true;
    stopTimer();
    socket.destroySoon();
  };
  const settle = (result: ProbeResult | undefined): void => {
    if (over || result === undefined) return;
    stop();
    done(result);
  };
  const stopTimer = deadline(clock, spec.timeoutMs, (stalled) => {
    if (over) return;
    over = true;
    socket.destroy();
    if (stalled !== undefined) done(stalled);
    else if (!connected) done(connectTimeout(spec.timeoutMs));
    else done(dialogue.timedOut?.() ?? answerTimeout(spec.timeoutMs));
  });

  socket.on(openedEvent(socket), () => {
    connected = true;
    if (dialogue.send !== undefined) socket.write(dialogue.send);
    settle(dialogue.connected?.());
  });
  socket.on('data', (chunk: Buffer) => {
    if (!over) settle(dialogue.data(chunk));
  });
  socket.on('end', () => {
    if (!over) settle(connected ? dialogue.ended() : CLOSED_IN_HANDSHAKE);
  });
  socket.on('error', (error) => settle(connected ? brokenConnection(error) : connectError(error)));
  return () => {
    over = true;
    stopTimer();
    socket.destroy();
  };
}
