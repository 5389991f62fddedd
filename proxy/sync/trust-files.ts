import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { experimental, Metadata, type ChannelCredentials } from '@grpc/grpc-js';

export interface TrustFiles {
  /** PEM bundle of the authorities that controllers may be signed by: the mounted ConfigMap. */
  readonly caFile: string;
  /** The projected service account token with which we say who we are. */
  readonly tokenFile: string;
  /** Folder with `tls.crt` and `tls.key`, for controllers that want a certificate too. */
  readonly tlsFolder?: string;
}

export interface StreamTrust {
  readonly credentials: ChannelCredentials;
  readonly metadata: () => Promise<Metadata>;
}

const RELOAD_MS = 5_000;

/** All files are replaced while we run: certificates are watched, the token is read for each connection. */
export function trustFiles({ caFile, tokenFile, tlsFolder }: TrustFiles): StreamTrust {
  const authorities = new experimental.FileWatcherCertificateProvider({
    caCertificateFile: caFile,
    refreshIntervalMs: RELOAD_MS,
  });
  const own =
    tlsFolder === undefined
      ? null
      : new experimental.FileWatcherCertificateProvider({
          certificateFile: join(tlsFolder, 'tls.crt'),
          privateKeyFile: join(tlsFolder, 'tls.key'),
          refreshIntervalMs: RELOAD_MS,
        });
  return {
    credentials: experimental.createCertificateProviderChannelCredentials(authorities, own),
    async metadata() {
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`);
      return metadata;
    },
  };
}
