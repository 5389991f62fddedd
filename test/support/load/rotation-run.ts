import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { type IssuedPair, secretManifest, TestAuthority } from '../certificates.ts';
import { poolManifest } from '../process/manifests.ts';
import { ProxyProcess } from '../process/proxy-process.ts';

const AT_ONCE = 16;
/** Neither a handshake nor an answer takes longer, however busy the machine is. */
const SILENCE_MS = 30_000;

export interface RotationOutcome {
  readonly handshakes: number;
  /** What went wrong, by what it said. */
  readonly failures: ReadonlyMap<string, number>;
  /** Serial numbers of the certificates that were seen. */
  readonly certificates: ReadonlySet<string>;
  readonly rotations: number;
  /** Whether the connection that was there before the first rotation still serves. */
  readonly keptConnection: boolean;
}

/**
 * `count` clients, one connection and one request each, while the certificate of a process of its own is replaced
 * again and again, by one with the other kind of key.
 */
export async function rotateUnderHandshakes(options: {
  readonly count: number;
  /** Between two rotations. */
  readonly everyMs: number;
  readonly ports: { readonly listen: number; readonly backend: number };
}): Promise<RotationOutcome> {
  const { count, everyMs, ports } = options;
  const authority = await TestAuthority.create();
  const issue = (rotation: number): Promise<IssuedPair> =>
    authority.issue({ keyType: rotation % 2 === 0 ? 'ECDSA' : 'RSA' });
  const manifests = (pair: IssuedPair): string =>
    poolManifest('tls', 'HTTPS', ports, { listener: 'tls: {certificateRefs: [{name: shop}]}' }) +
    secretManifest('shop', pair);

  const proxy = await ProxyProcess.start({ manifests: manifests(await issue(0)) });
  const failures = new Map<string, number>();
  const certificates = new Set<string>();
  let rotations = 0;
  let begun = 0;
  try {
    const kept = await dial(ports.listen, authority);
    const keptWorks = (): Promise<boolean> =>
      ask(kept).then(
        () => true,
        () => false,
      );
    const isOver = (): boolean => begun >= count;
    const lane = async (): Promise<void> => {
      while (!isOver()) {
        begun += 1;
        try {
          const socket = await dial(ports.listen, authority);
          certificates.add(socket.getPeerX509Certificate()?.serialNumber ?? '');
          await ask(socket);
          socket.destroy();
        } catch (error) {
          const said = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
          failures.set(said, (failures.get(said) ?? 0) + 1);
        }
      }
    };
    // The first connection is asked after each rotation, so that its port's idle time does not end it in a long run.
    const rotate = async (): Promise<boolean> => {
      let works = true;
      for (; !isOver(); rotations += 1) {
        await new Promise((resolve) => setTimeout(resolve, everyMs));
        await proxy.rewrite(manifests(await issue(rotations + 1)));
        works &&= await keptWorks();
      }
      return works && (await keptWorks());
    };
    const [keptConnection] = await Promise.all([rotate(), ...Array.from({ length: AT_ONCE }, lane)]);
    kept.destroy();
    return { handshakes: begun, failures, certificates, rotations, keptConnection };
  } finally {
    await proxy.close();
  }
}

function dial(port: number, authority: TestAuthority): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: 'shop.example.com',
      ca: authority.certificate,
    });
    socket.on('error', reject);
    socket.on('secureConnect', () => resolve(socket));
    socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`silent for ${SILENCE_MS} ms`)));
  });
}

/** One request on it. A connection that has been closed is told by its silence. */
async function ask(socket: TLSSocket): Promise<void> {
  const answered = once(socket, 'data', { signal: AbortSignal.timeout(SILENCE_MS) });
  socket.write('GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n');
  const [bytes] = (await answered) as [Buffer];
  const status = bytes.toString('latin1', 0, 12);
  if (status !== 'HTTP/1.1 200') throw new Error(status);
}
