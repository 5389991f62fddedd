import { join } from 'node:path';
import { experimental, type Metadata, type ServerCredentials } from '@grpc/grpc-js';
import { TOKEN_AUDIENCE } from '../../api/control.ts';
import { TrustKeeper, type TrustKeeperOptions } from './keeper.ts';
import { TokenReviewer } from './tokens.ts';

/** Who proxies trust, and which of them are trusted. */
export interface TrustOptions {
  /** Name of the Secret that holds the CA, in the controller's namespace. */
  readonly secret: string;
  /** Name of the ConfigMap that proxies mount, in the controller's namespace. */
  readonly configMap: string;
  /** `namespace/name` of the service accounts that proxies run as. */
  readonly proxyServiceAccounts: readonly string[];
  /**
   * Folder with `tls.crt`, `tls.key` and `ca.crt`, as cert-manager makes them: this controller's certificate, and the
   * authority of the proxies', which then need one. Absent: the authority in the Secret signs, and tokens are enough.
   */
  readonly tlsFolder?: string;
}

export interface Trust {
  readonly credentials: ServerCredentials;
  /** The pod that the call's token is bound to; undefined: nobody who may open a stream. */
  readonly authenticate: (metadata: Metadata) => Promise<string | undefined>;
  /** Undefined: not made yet. */
  ticketSecret(): string | undefined;
  /** This controller has begun to lead. */
  check(): void;
  close(): Promise<void>;
}

const RELOAD_MS = 5_000;

export function startTrust(
  { proxyServiceAccounts, tlsFolder, ...names }: TrustOptions,
  edges: Omit<TrustKeeperOptions, keyof TrustOptions>,
): Trust {
  const keeper = new TrustKeeper({ ...edges, ...names });
  const reviewer = new TokenReviewer({
    client: edges.client,
    audience: TOKEN_AUDIENCE,
    serviceAccounts: proxyServiceAccounts,
    clock: edges.clock,
    log: edges.log,
  });
  keeper.start();
  reviewer.refreshKeys();
  return {
    credentials: tlsFolder === undefined ? keeper.credentials : mutualTls(tlsFolder),
    async authenticate(metadata) {
      const [header] = metadata.get('authorization');
      const token = /^Bearer (\S+)$/.exec(String(header))?.[1];
      return token === undefined ? undefined : reviewer.podOf(token);
    },
    ticketSecret: () => keeper.ticketSecret,
    check: () => keeper.check(),
    close: () => keeper.close(),
  };
}

/** Both sides show a certificate; the files are read again when they are replaced. */
function mutualTls(folder: string): ServerCredentials {
  const files = new experimental.FileWatcherCertificateProvider({
    certificateFile: join(folder, 'tls.crt'),
    privateKeyFile: join(folder, 'tls.key'),
    caCertificateFile: join(folder, 'ca.crt'),
    refreshIntervalMs: RELOAD_MS,
  });
  return experimental.createCertificateProviderServerCredentials(files, files, true);
}
