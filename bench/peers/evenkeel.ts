import { fileURLToPath } from 'node:url';
import type { Peer } from './peer.ts';

/** One worker's HTTP port with everything on that the data path has; the access log is off, as in the peers. */
export const evenkeel: Peer = {
  name: 'Evenkeel',
  command: ({ listen, backend }) => [
    process.execPath,
    fileURLToPath(new URL('../http-port.ts', import.meta.url)),
    String(listen),
    String(backend),
  ],
};
