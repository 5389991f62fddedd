import { connect, createServer, type Socket } from 'node:net';
import { readWith } from '../../proxy/conn/shared-read.ts';
import type { Peer } from './peer.ts';

/** Small ones are cheapest as strings. */
const MAX_STRING_BYTES = 1_024;

/** A TCP relay that knows one backend and nothing else: what Node itself takes, and no proxy written for it can undercut. */
export const bareRelay: Peer = {
  name: 'bare Node relay',
  protocols: ['TCP'],
  install: 'make setup',
  version: () => process.version,
  command: ({ listen, backend }) => [process.execPath, import.meta.filename, String(listen), String(backend)],
};

function relay(client: Socket, backend: number, buffer: Buffer): void {
  const early: string[] = [];
  const upstream = connect({
    host: '127.0.0.1',
    port: backend,
    allowHalfOpen: true,
    noDelay: true,
    onread: { buffer, callback: (length) => pass(buffer, length, client) },
  });
  readWith(client, {
    buffer,
    callback: (length) => {
      if (!upstream.connecting) return pass(buffer, length, upstream);
      early.push(buffer.toString('latin1', 0, length));
      return true;
    },
  });
  upstream.on('connect', () => {
    for (const text of early) upstream.write(text, 'latin1');
  });
  let ends = 0;
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.on('drain', () => to.resume());
    from.on('error', () => to.destroy());
    from.on('end', () => {
      ends += 1;
      if (ends === 1) to.end();
      else for (const socket of [client, upstream]) socket.destroySoon();
    });
  }
}

function pass(buffer: Buffer, length: number, to: Socket): boolean {
  if (length <= MAX_STRING_BYTES) return to.write(buffer.toString('latin1', 0, length), 'latin1');
  return to.write(Buffer.from(buffer.subarray(0, length)));
}

if (import.meta.main) {
  const [listen, backend] = process.argv.slice(2).map(Number);
  const buffer = Buffer.allocUnsafeSlow(65_536);
  createServer({ allowHalfOpen: true, noDelay: true }, (client) => relay(client, backend!, buffer)).listen(
    listen,
    '127.0.0.1',
  );
}
