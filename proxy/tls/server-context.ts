import { constants, createHash, hkdfSync } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { ListenerTLS, ServerCertificate } from '../../api/snapshot.ts';

export type TerminateTLS = Extract<ListenerTLS, { mode: 'Terminate' }>;

/** The cheapest of the three first: 8 % of a handshake. */
const TLS_1_3 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
/** ECDSA first: a certificate of that kind is preferred where a client can use it. */
const MODERN = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-CHACHA20-POLY1305',
];
const CBC = [
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-RSA-AES256-SHA',
];
const CURVES = 'X25519MLKEM768:X25519:P-256:P-384';
/** As long as a session may be resumed; its keys live 12 hours (lib/ticket-secret.ts). */
const SESSION_SECONDS = 7_200;
const TICKET_KEY_BYTES = 48;

const OPTIONS =
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
  constants.SSL_OP_PRIORITIZE_CHACHA |
  constants.SSL_OP_NO_RENEGOTIATION;

/** The contexts of one listener's handshakes, each made when a client first asks for it. */
export class ServerContexts {
  readonly #tls: TerminateTLS;
  /** Names the listener for as long as it lives. */
  readonly #id: string;
  /** By the places of their certificates. */
  readonly #contexts = new Map<string, SecureContext>();

  constructor(tls: TerminateTLS, id: string) {
    this.#tls = tls;
    this.#id = id;
  }

  /**
   * With the certificates for the name, one for each kind of key, so that the client takes what it can; with the
   * first one when none is for it. Undefined: the listener has none. Throws when OpenSSL refuses them.
   */
  find(serverName: string | undefined): SecureContext | undefined {
    const certificates = chooseCertificates(this.#tls.certificates, serverName);
    if (certificates.length === 0) return undefined;
    const key = certificates.map((certificate) => this.#tls.certificates.indexOf(certificate)).join(' ');
    let context = this.#contexts.get(key);
    if (context === undefined) this.#contexts.set(key, (context = this.#create(certificates)));
    return context;
  }

  #create(certificates: readonly ServerCertificate[]): SecureContext {
    const { minVersion, cipherPolicy, clientValidation, ticketSecret } = this.#tls;
    const suites = [...TLS_1_3, ...MODERN, ...(cipherPolicy === 'Compatible' ? CBC : [])];
    // What a session was checked by is in its keys: a listener that asks for more resumes nothing from before.
    const terms = JSON.stringify([this.#id, minVersion, clientValidation ?? null]);
    return createSecureContext({
      cert: certificates.map(({ chain }) => chain),
      key: certificates.map(({ privateKey }) => privateKey),
      minVersion: `TLSv${minVersion}`,
      ciphers: suites.join(':'),
      ecdhCurve: CURVES,
      secureOptions: OPTIONS,
      sessionIdContext: createHash('sha256').update(terms).digest('base64').slice(0, 32),
      sessionTimeout: SESSION_SECONDS,
      // Whatever is in the bundle is trusted, also an authority whose own issuer is not.
      ...(clientValidation === undefined ? {} : { ca: clientValidation.ca, allowPartialTrustChain: true }),
      ...(ticketSecret === undefined ? {} : { ticketKeys: ticketKeys(ticketSecret, terms) }),
    });
  }
}

/**
 * Every certificate with the best match for the name, the first of each kind of key. Of one that not every client can
 * use, the best match with RSA is beside it, so that no client is turned away for want of a better one.
 */
export function chooseCertificates(
  certificates: readonly ServerCertificate[],
  serverName: string | undefined,
): ServerCertificate[] {
  const chosen = new Map<string, ServerCertificate>();
  for (const certificate of candidates(certificates, serverName)) {
    if (!chosen.has(certificate.keyType)) chosen.set(certificate.keyType, certificate);
  }
  return [...chosen.values()];
}

function candidates(
  certificates: readonly ServerCertificate[],
  serverName: string | undefined,
): readonly ServerCertificate[] {
  const named = (name: string): ServerCertificate[] =>
    certificates.filter(({ names }) => names.includes(name));
  if (serverName !== undefined) {
    const exact = named(serverName);
    // One label, as clients read it.
    const wildcard = serverName.includes('.') ? named(`*${serverName.slice(serverName.indexOf('.'))}`) : [];
    if (exact.length > 0) return [...exact, ...wildcard.filter(({ keyType }) => keyType === 'RSA')];
    if (wildcard.length > 0) return wildcard;
  }
  const first = certificates[0];
  // Its twin with another kind of key is as good.
  return certificates.filter(({ names }) => names.join() === first?.names.join());
}

function ticketKeys(secret: string, terms: string): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'base64'), '', terms, TICKET_KEY_BYTES));
}
