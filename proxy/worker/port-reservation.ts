import { createSocket } from 'node:dgram';
import { BoundSocket } from 'node:net';
import type { PlannedPort } from '../listen/port-plan.ts';

/** A port that is bound for each worker and accepts nothing yet. */
export interface Reservation {
  readonly port: PlannedPort;
  /** One for each worker; none for UDP, where one worker binds the port itself. */
  readonly sockets: readonly BoundSocket[];
}

/**
 * Takes a port without accepting on it yet, so that a pool whose port cannot be had is refused before anything
 * changes. The error is a text for a person.
 */
export async function reserve(port: PlannedPort, workers: number): Promise<Reservation | string> {
  if (port.transport === 'udp') return (await udpBindError(port)) ?? { port, sockets: [] };
  const inUse = exclusiveBindError(port);
  if (inUse !== undefined) return inUse;
  const sockets: BoundSocket[] = [];
  for (let i = 0; i < workers; i++) {
    const bound = bindShared(port);
    if (typeof bound === 'string') {
      release({ port, sockets });
      return bound;
    }
    sockets.push(bound);
  }
  return { port, sockets };
}

/** Ports are released when they are not listened on after all. */
export function release(reservation: Reservation): void {
  for (const socket of reservation.sockets) socket.close();
}

/** Binds one worker's socket of a port; the error's text when that fails. */
export function bindShared(port: PlannedPort): BoundSocket | string {
  try {
    return new BoundSocket({ host: port.address, port: port.port, reusePort: true });
  } catch (error) {
    return bindErrorText(port, error);
  }
}

/** SO_REUSEPORT would let two processes share a port unnoticed, so the port is first bound without it. */
function exclusiveBindError(port: PlannedPort): string | undefined {
  try {
    new BoundSocket({ host: port.address, port: port.port }).close();
    return undefined;
  } catch (error) {
    return bindErrorText(port, error);
  }
}

function udpBindError(port: PlannedPort): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(port.address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error) => {
      socket.close();
      resolve(bindErrorText(port, error));
    });
    socket.bind({ address: port.address, port: port.port, exclusive: true }, () => {
      socket.close(() => resolve(undefined));
    });
  });
}

function bindErrorText(port: PlannedPort, error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const why =
    code === 'EADDRINUSE'
      ? 'another process uses it'
      : code === 'EACCES'
        ? 'this process may not bind ports below net.ipv4.ip_unprivileged_port_start'
        : code === 'EADDRNOTAVAIL'
          ? 'the address is not one of this machine'
          : 'it cannot be bound';
  return `${port.transport} ${port.address}:${port.port}: ${why} (${code})`;
}
