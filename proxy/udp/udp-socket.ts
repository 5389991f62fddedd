import { createSocket, type Socket } from 'node:dgram';

type Found = (error: Error | null, address: string, family: number) => void;

/** Addresses are numeric: asking for names would cost every datagram a turn of the event loop. */
function numeric(address: string, options: unknown, done?: Found): void {
  const found = (done ?? options) as Found;
  found(null, address, address.includes(':') ? 6 : 4);
}

/** A UDP socket that talks to numeric addresses only. */
export function createUdpSocket(address: string): Socket {
  return createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', lookup: numeric });
}
