import { readFile } from 'node:fs/promises';
import { experimental, Metadata, type ChannelCredentials } from '@grpc/grpc-js';

export interface TrustFiles {
  /** PEM bundle of the authorities that controllers may be signed by: the mounted ConfigMap. */
  readonly caFile: string;
  /** The projected service account token with which we say who we are. */
  readonly tokenFile: string;
}

export interface StreamTrust {
  readonly credentials: ChannelCredentials;
  readonly metadata: () => Promise<Metadata>;
}

const RELOAD_MS = 5_000;

/** Both files are replaced while we run: the bundle is watched, the token is read for each connection. */
export function trustFiles({ caFile, tokenFile }: TrustFiles): StreamTrust {
  const authorities = new experimental.FileWatcherCertificateProvider({
    caCertificateFile: caFile,
    refreshIntervalMs: RELOAD_MS,
  });
  return {
    credentials: experimental.createCertificateProviderChannelCredentials(authorities, null),
    async metadata() {
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`);
      return metadata;
    },
  };
}
