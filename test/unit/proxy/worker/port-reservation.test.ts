import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { PlannedPort } from '../../../../proxy/listen/port-plan.ts';
import { release, reserve, type Reservation } from '../../../../proxy/worker/port-reservation.ts';
import { freePorts } from '../../../support/free-ports.ts';

const planned = (port: number, transport: 'tcp' | 'udp' = 'tcp', address = '127.0.0.1'): PlannedPort => ({
  id: `${transport}/${address}:${port}`,
  transport,
  address,
  port,
  protocol: transport === 'tcp' ? 'TCP' : 'UDP',
  entries: [],
});

describe('a port that is reserved', () => {
  let held: Reservation | undefined;
  afterEach(() => {
    if (held !== undefined) release(held);
    held = undefined;
  });

  async function take(port: PlannedPort, workers: number): Promise<Reservation> {
    const reservation = await reserve(port, workers);
    if (typeof reservation === 'string') throw new Error(reservation);
    held = reservation;
    return reservation;
  }

  it('is bound once for each worker', async () => {
    const [port] = (await freePorts(1)) as [number];
    expect((await take(planned(port), 3)).sockets).toHaveLength(3);
  });

  it('is refused when another listens on it, with the reason', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await reserve(planned(port), 2)).toContain('another process uses it');
    server.close();
    await once(server, 'close');
  });

  it('is refused of UDP, too', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    expect(await reserve(planned(port, 'udp'), 2)).toBe(
      `udp 127.0.0.1:${port}: another process uses it (EADDRINUSE)`,
    );
    socket.close();
    await once(socket, 'close');
    expect((await take(planned(port, 'udp'), 2)).sockets).toEqual([]);
  });

  it('is refused on an address that the machine has not', async () => {
    const [port] = (await freePorts(1)) as [number];
    expect(await reserve(planned(port, 'tcp', '192.0.2.1'), 1)).toContain('not one of this machine');
  });
});
