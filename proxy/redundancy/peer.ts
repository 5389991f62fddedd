import { get } from 'node:http';

/** `refused`: nobody is there. `silent`: it may hang, or the way to it is cut. */
export type PeerAnswer = 'alive' | 'refused' | 'silent';

/** Asks another proxy, at the address of its probes (`10.1.2.3:9903`), whether it lives; over a new connection. */
export function askPeer(address: string, timeoutMs: number): Promise<PeerAnswer> {
  return new Promise((resolve) => {
    const asking = get(
      `http://${address}/healthz`,
      { agent: false, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        response.resume();
        resolve('alive'); // whatever it says, it says something
      },
    );
    asking.on('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'ECONNREFUSED' || code === 'ECONNRESET' ? 'refused' : 'silent'),
    );
  });
}
