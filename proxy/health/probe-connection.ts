import { connect, type Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { formatProxyHeader } from '../listen/proxy-protocol.ts';
import { answerTimeout, brokenConnection, connectError, connectTimeout, deadline } from './probe-end.ts';
import type { ProbeResult, ProbeSpec, ProbeTarget } from './probe.ts';

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

/** A connection for one probe. What the spec lets it begin with leaves first, whatever is written after. */
export function openConnection(address: string, port: number, { proxyOut }: ProbeSpec): Socket {
  const socket = connect({ host: address, port, noDelay: true });
  if (proxyOut !== undefined) socket.write(formatProxyHeader(proxyOut, undefined));
  return socket;
}

/** Holds a dialogue with the target on a connection of its own; a `RunProbe` but for the dialogue. */
export function converse(
  clock: Clock,
  { address, port, spec }: ProbeTarget,
  dialogue: Dialogue,
  done: (result: ProbeResult) => void,
): () => void {
  const socket = openConnection(address, port, spec);
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

  socket.on('connect', () => {
    connected = true;
    if (dialogue.send !== undefined) socket.write(dialogue.send);
    settle(dialogue.connected?.());
  });
  socket.on('data', (chunk: Buffer) => {
    if (!over) settle(dialogue.data(chunk));
  });
  socket.on('end', () => {
    if (!over) settle(dialogue.ended());
  });
  socket.on('error', (error) => settle(connected ? brokenConnection(error) : connectError(error)));
  return () => {
    over = true;
    stopTimer();
    socket.destroy();
  };
}
