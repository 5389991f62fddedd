import { createLocalJWKSet, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose';
import type { Logger } from 'pino';
import type { Clock } from '../../lib/clock.ts';
import { KubeError, type KubeClient } from '../kube/client.ts';

export interface TokenReviewerOptions {
  readonly client: KubeClient;
  readonly audience: string;
  /** `namespace/name` of the service accounts that proxies run as. */
  readonly serviceAccounts: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

interface TokenReview {
  readonly status: {
    readonly authenticated?: boolean;
    readonly audiences?: readonly string[];
    readonly user?: {
      readonly username?: string;
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    };
  };
}

interface Keys {
  readonly issuer: string;
  readonly set: JSONWebKeySet;
}

const KEYS_FRESH_MS = 3_600_000;
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const PREFIX = 'system:serviceaccount:';

/**
 * Who shows a token: the name of the pod that it is bound to, if that runs as one of the proxies' service accounts.
 * The API server is asked; while it does not answer, the token's signature is checked against its keys as they were
 * last fetched.
 */
export class TokenReviewer {
  readonly #options: TokenReviewerOptions;
  #keys: Keys | undefined;
  #keysAt = -Infinity;

  constructor(options: TokenReviewerOptions) {
    this.#options = options;
  }

  /** Undefined: not a proxy's. */
  async podOf(token: string): Promise<string | undefined> {
    try {
      const pod = await this.#review(token);
      this.refreshKeys();
      return pod;
    } catch (error) {
      const refused = error instanceof KubeError && error.status < 500 && error.status !== 429;
      if (refused) throw error; // such as 403: RBAC lacks `create tokenreviews`
      this.#options.log.warn({ err: error }, 'the API server does not answer: checking a token by its keys');
      return this.#verify(token);
    }
  }

  /** Fetches the API server's keys, so that they are there when it is not. */
  async fetchKeys(): Promise<void> {
    const { client, clock } = this.#options;
    const { issuer } = await client.request<{ issuer: string }>('GET', '/.well-known/openid-configuration');
    const set = await client.request<JSONWebKeySet>('GET', '/openid/v1/jwks', {
      accept: 'application/jwk-set+json',
    });
    this.#keys = { issuer, set };
    this.#keysAt = clock.now();
  }

  /** Fetches them when they are old, or were never fetched. */
  refreshKeys(): void {
    const { clock, log } = this.#options;
    if (clock.now() - this.#keysAt < KEYS_FRESH_MS) return;
    this.#keysAt = clock.now();
    this.fetchKeys().catch((error: unknown) => log.warn({ err: error }, 'cannot fetch the keys of tokens'));
  }

  async #review(token: string): Promise<string | undefined> {
    const { client, audience } = this.#options;
    const path = '/apis/authentication.k8s.io/v1/tokenreviews';
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [audience] },
    };
    const { status } = await client.request<TokenReview>('POST', path, { body, timeoutMs: 5_000 });
    if (status.authenticated !== true || status.audiences?.includes(audience) !== true) return undefined;
    return this.#podIfProxy(status.user?.username, status.user?.extra?.[POD_NAME]?.[0]);
  }

  async #verify(token: string): Promise<string | undefined> {
    const keys = this.#keys;
    if (keys === undefined) return undefined;
    const { audience, log } = this.#options;
    try {
      const { payload } = await jwtVerify<Claims>(token, createLocalJWKSet(keys.set), {
        issuer: keys.issuer,
        audience,
        requiredClaims: ['exp', 'sub'],
      });
      return this.#podIfProxy(payload.sub, payload['kubernetes.io']?.pod?.name);
    } catch (error) {
      log.warn({ err: error }, 'a token was refused');
      return undefined;
    }
  }

  #podIfProxy(user: string | undefined, pod: string | undefined): string | undefined {
    if (user === undefined || !user.startsWith(PREFIX)) return undefined;
    const account = user.slice(PREFIX.length).replace(':', '/');
    return this.#options.serviceAccounts.includes(account) ? pod : undefined;
  }
}

interface Claims extends JWTPayload {
  readonly 'kubernetes.io'?: { readonly pod?: { readonly name?: string } };
}
