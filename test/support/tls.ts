import { type ConnectionOptions, type TLSSocket, connect } from 'node:tls';
import type { ListenerTLS, ServerCertificate } from '../../api/snapshot.ts';
import type { IssuedPair, LeafOptions, TestAuthority } from './certificates.ts';

type Terminate = Extract<ListenerTLS, { mode: 'Terminate' }>;

/** What a listener has of a certificate. */
export function serverCertificate(
  pair: IssuedPair,
  { names = ['shop.example.com'], keyType = 'ECDSA' }: LeafOptions = {},
): ServerCertificate {
  return { ...pair, secret: names[0] ?? '', names, keyType, notAfter: 0 };
}

/** Ends TLS with certificates for these names, made for the test. */
export async function terminate(
  authority: TestAuthority,
  leaves: readonly LeafOptions[] = [{}],
  over: Partial<Terminate> = {},
): Promise<Terminate> {
  const certificates = await Promise.all(
    leaves.map(async (leaf) => serverCertificate(await authority.issue(leaf), leaf)),
  );
  return { mode: 'Terminate', certificates, minVersion: '1.2', cipherPolicy: 'Modern', ...over };
}

/** A connection whose handshake is over; rejects when it does not come about. */
export function dialTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'shop.example.com', ...options });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before the handshake was over')));
    socket.once('secureConnect', () => {
      socket.off('error', reject);
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
  });
}

/** Why a handshake does not come about: the code of the error, or what it says. */
export async function handshakeError(port: number, options: ConnectionOptions = {}): Promise<string> {
  try {
    (await dialTls(port, options)).destroy();
    return 'none';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
}
