import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { crc32c } from '../../proxy/listen/crc32c.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
/** 203.0.113.9:40000 to 198.51.100.2:443. */
const ADDRESSES = Buffer.from('cb007109c63364029c4001bb', 'hex');
export const NAMED_CLIENT = '203.0.113.9';
const CRC32C = 0x03;

/**
 * A header of version 2 as a load balancer in front writes it: with the fields of the specification (ALPN, host name,
 * checksum, padding, a unique id, one about TLS that has fields of its own, the network namespace) and one that is
 * nobody's.
 */
export function headerWithFields({ checksum }: { readonly checksum: 'right' | 'wrong' }): Buffer {
  const body = Buffer.concat([
    ADDRESSES,
    field(0x01, 'h2'),
    field(0x02, 'shop.example.com'),
    field(CRC32C, Buffer.alloc(4)),
    field(0x04, Buffer.alloc(100)),
    field(0x05, 'a-unique-id'),
    field(0x20, Buffer.concat([Buffer.from([7, 0, 0, 0, 0]), field(0x21, 'TLSv1.3'), field(0x22, 'client')])),
    field(0x30, 'blue'),
    field(0xea, Buffer.from([1, 2, 3])),
  ]);
  const header = Buffer.concat([
    SIGNATURE,
    Buffer.from([0x21, 0x11, body.length >> 8, body.length & 255]),
    body,
  ]);
  const at = SIGNATURE.length + 4 + ADDRESSES.length + 5 + 19 + 3;
  header.writeUInt32BE((crc32c(header) ^ (checksum === 'right' ? 0 : 1)) >>> 0, at);
  return header;
}

function field(type: number, value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 255]), bytes]);
}

/** Passes connections on to a port, with `header` in one write with the first bytes of each. */
export async function prepending(
  header: Buffer,
  port: number,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const onward = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, onward]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
    onward.on('close', () => client.destroy());
    client.once('data', (first: Buffer) => {
      onward.write(Buffer.concat([header, first]));
      client.pipe(onward).pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
