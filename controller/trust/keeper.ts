import { experimental, type ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { CONTROLLER_NAME } from '../../api/control.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import { coalesce, type Coalesced } from '../../lib/coalesce.ts';
import { isStatus, type KubeClient } from '../kube/client.ts';
import { ListWatch } from '../kube/list-watch.ts';
import { CONFIG_MAPS, resourcePath, SECRETS, type KubeObject } from '../kube/objects.ts';
import { createTicketSecret, isDue, type TicketSecret } from '../../lib/ticket-secret.ts';
import { createAuthority, issueServer, SERVER_LIFE_MS, type KeyPair } from './authority.ts';
import {
  fromSecretData,
  rotate,
  rotationStep,
  ticketSecretOf,
  toSecretData,
  trustBundle,
  type Authorities,
} from './rotation.ts';

export interface TrustKeeperOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Names of the Secret with the authorities, and of the ConfigMap with what proxies trust (key `ca.crt`). */
  readonly secret: string;
  readonly configMap: string;
  readonly leading: () => boolean;
  /** The secret of session tickets is another one. */
  readonly onTicketSecret: () => void;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

const CHECK_EVERY_MS = 60_000;

type IdentityListener = Parameters<experimental.CertificateProvider['addIdentityCertificateListener']>[0];

/**
 * Keeps the CA of the control stream: every controller signs its own certificate with it, in memory; the leader
 * makes it, replaces it in time, and publishes what proxies are to trust.
 */
export class TrustKeeper {
  /** For the server: always with the latest certificate, without a restart. */
  readonly credentials: ServerCredentials;
  readonly #options: TrustKeeperOptions;
  readonly #watch: ListWatch<Secret>;
  readonly #round: Coalesced;
  readonly #listeners = new Set<IdentityListener>();
  #secret: Secret | undefined;
  #identity: KeyPair | undefined;
  #issuer = '';
  #issuedAt = 0;
  #published = '';
  #tickets: TicketSecret | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: TrustKeeperOptions) {
    this.#options = options;
    const { client, namespace, secret, clock, rng, log } = options;
    // The first parameter is the server's own identity, whatever the declaration calls it.
    this.credentials = experimental.createCertificateProviderServerCredentials(this.#provider(), null, false);
    this.#round = coalesce({
      run: () => this.#keep(),
      holdMs: 0,
      retryMs: 2_000,
      onError: (error) => log.error({ err: error }, 'cannot keep the certificates of the control stream'),
      clock,
    });
    const seen = (found: Secret | undefined): void => {
      this.#secret = found;
      this.#round.request();
    };
    this.#watch = new ListWatch<Secret>({
      client,
      path: resourcePath(SECRETS, namespace),
      fieldSelector: `metadata.name=${secret}`,
      trim: (object) => object,
      sink: { replace: ([found]) => seen(found), put: seen, remove: () => seen(undefined) },
      clock,
      rng,
      log,
    });
  }

  start(): void {
    this.#watch.start();
    this.#later();
  }

  /** What the keys of session tickets are derived from: the same for every controller. */
  get ticketSecret(): string | undefined {
    return this.#tickets?.secret;
  }

  /** This controller leads now: what is missing or due is made at once. */
  check(): void {
    if (this.#watch.hasSynced) this.#round.request();
  }

  async close(): Promise<void> {
    this.#cancelTimer?.();
    await this.#watch.stop();
    await this.#round.close();
  }

  #later(): void {
    this.#cancelTimer = this.#options.clock.after(CHECK_EVERY_MS, () => {
      this.check();
      this.#later();
    });
  }

  async #keep(): Promise<void> {
    const { clock, leading } = this.#options;
    let authorities = fromSecretData(this.#secret?.data);
    let tickets = ticketSecretOf(this.#secret?.data);
    const step = rotationStep(authorities, clock.wall());
    if ((step !== 'none' || isDue(tickets, clock.wall())) && leading()) {
      if (step !== 'none') {
        authorities = await rotate(authorities, step, () => createAuthority(clock.wall()), clock.wall());
        this.#options.log.info({ step }, 'authority of the control stream');
      }
      if (isDue(tickets, clock.wall())) tickets = createTicketSecret(clock.wall());
      await this.#save(authorities!, tickets);
    }
    this.#useTickets(tickets);
    if (authorities === undefined) return;
    if (leading()) await this.#publish(trustBundle(authorities));
    await this.#issue(authorities);
  }

  #useTickets(tickets: TicketSecret | undefined): void {
    if (tickets?.secret === this.#tickets?.secret) return;
    this.#tickets = tickets;
    this.#options.onTicketSecret();
  }

  async #issue({ current }: Authorities): Promise<void> {
    const { clock } = this.#options;
    const isFresh = clock.wall() - this.#issuedAt < SERVER_LIFE_MS / 3;
    if (this.#issuer === current.certificate && isFresh) return;
    this.#identity = await issueServer(current, CONTROLLER_NAME, clock.wall());
    this.#issuer = current.certificate;
    this.#issuedAt = clock.wall();
    for (const listener of this.#listeners) listener(this.#update());
  }

  async #save(authorities: Authorities, tickets: TicketSecret | undefined): Promise<void> {
    const { client, namespace, secret } = this.#options;
    const { resourceVersion } = this.#secret?.metadata ?? {};
    const body = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: { ...this.#secret?.metadata, name: secret, namespace, resourceVersion },
      data: toSecretData(authorities, tickets),
    };
    // The resource version fences it: of two that believe they lead, one makes the authority.
    this.#secret = await (resourceVersion === undefined
      ? client.request<Secret>('POST', resourcePath(SECRETS, namespace), { body })
      : client.request<Secret>('PUT', resourcePath(SECRETS, namespace, secret), { body }));
  }

  async #publish(bundle: string): Promise<void> {
    if (bundle === this.#published) return;
    const { client, namespace, configMap } = this.#options;
    const path = resourcePath(CONFIG_MAPS, namespace, configMap);
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      // It goes when the Secret goes, so that nothing stays behind when all is removed.
      metadata: { name: configMap, ownerReferences: this.#owner() },
      data: { 'ca.crt': bundle },
    };
    await client
      .request('PATCH', path, {
        query: { fieldManager: 'evenkeel-controller', force: true },
        contentType: 'application/apply-patch+yaml',
        body,
      })
      .catch((error: unknown) => {
        if (isStatus(error, 409)) return; // the next round sees who was faster
        throw error;
      });
    this.#published = bundle;
  }

  #owner(): object[] {
    const { name, uid } = this.#secret?.metadata ?? {};
    return uid === undefined ? [] : [{ apiVersion: 'v1', kind: 'Secret', name, uid }];
  }

  #update(): { certificate: Buffer; privateKey: Buffer } | null {
    if (this.#identity === undefined) return null;
    const { certificate, privateKey } = this.#identity;
    return { certificate: Buffer.from(certificate), privateKey: Buffer.from(privateKey) };
  }

  #provider(): experimental.CertificateProvider {
    return {
      addIdentityCertificateListener: (listener) => {
        this.#listeners.add(listener);
        listener(this.#update());
      },
      removeIdentityCertificateListener: (listener) => this.#listeners.delete(listener),
      addCaCertificateListener: () => undefined, // proxies show tokens, not certificates
      removeCaCertificateListener: () => undefined,
    };
  }
}
