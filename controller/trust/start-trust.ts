import type { Metadata, ServerCredentials } from '@grpc/grpc-js';
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

export function startTrust(
  { proxyServiceAccounts, ...names }: TrustOptions,
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
    credentials: keeper.credentials,
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
