import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestAuthority } from '../test/support/certificates.ts';

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly chain: string;
  readonly key: string;
  /** One file of both. */
  readonly both: string;
}

export function certificateIn(dir: string): CertificateFiles {
  return { chain: join(dir, 'tls.crt'), key: join(dir, 'tls.key'), both: join(dir, 'tls.pem') };
}

/** Of a P-256 key, for loopback, good for this run. */
export async function makeCertificate(dir: string): Promise<void> {
  const authority = await TestAuthority.create();
  const { chain, privateKey } = await authority.issue({ names: ['localhost', '127.0.0.1'] });
  const files = certificateIn(dir);
  writeFileSync(files.chain, chain);
  writeFileSync(files.key, privateKey, { mode: 0o600 });
  writeFileSync(files.both, chain + privateKey, { mode: 0o600 });
}
