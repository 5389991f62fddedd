import 'reflect-metadata'; // which the library below needs
import { KeyObject, type webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  type JsonGeneralName,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { ConfigMap, Secret } from '../../controller/resolve/world.ts';

const DAY_MS = 86_400_000;

const ALGORITHMS = {
  ECDSA: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  RSA: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  },
} as const;

export type KeyType = keyof typeof ALGORITHMS;

/** Both in PEM. */
export interface IssuedPair {
  readonly chain: string;
  readonly privateKey: string;
}

export interface LeafOptions {
  /** Host names and IP addresses. */
  readonly names?: readonly string[];
  readonly subject?: string;
  readonly keyType?: KeyType;
  readonly modulusLength?: number;
  /** Milliseconds since the epoch; by default a day ago, and in 90 days. */
  readonly notBefore?: number;
  readonly notAfter?: number;
}

let serial = 0;

/** An authority that lives as long as a test, and what it signs. */
export class TestAuthority {
  /** In PEM. */
  readonly certificate: string;
  readonly #issuer: X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(issuer: X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.#issuer = issuer;
    this.#keys = keys;
    this.certificate = `${issuer.toString('pem')}\n`;
  }

  static async create(
    name = 'test authority',
    { notAfter }: Pick<LeafOptions, 'notAfter'> = {},
  ): Promise<TestAuthority> {
    const keys = await crypto.subtle.generateKey(ALGORITHMS.ECDSA, true, ['sign', 'verify']);
    const issuer = await X509CertificateGenerator.createSelfSigned({
      serialNumber: nextSerial(),
      name: `CN=${name}`,
      keys,
      notBefore: new Date(Date.now() - 400 * DAY_MS),
      notAfter: new Date(notAfter ?? Date.now() + 3_650 * DAY_MS),
      signingAlgorithm: ALGORITHMS.ECDSA,
      extensions: [new BasicConstraintsExtension(true, 1, true)],
    });
    return new TestAuthority(issuer, keys);
  }

  /** An authority that this one has signed; what it issues has to be shown with `certificate` to whoever trusts this one. */
  async subordinate(name = 'subordinate authority'): Promise<TestAuthority> {
    const keys = await crypto.subtle.generateKey(ALGORITHMS.ECDSA, true, ['sign', 'verify']);
    const issuer = await X509CertificateGenerator.create({
      serialNumber: nextSerial(),
      subject: `CN=${name}`,
      issuer: this.#issuer.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 365 * DAY_MS),
      signingAlgorithm: ALGORITHMS.ECDSA,
      extensions: [new BasicConstraintsExtension(true, 0, true)],
    });
    return new TestAuthority(issuer, keys);
  }

  async issue(options: LeafOptions = {}): Promise<IssuedPair> {
    const { names = ['shop.example.com'], keyType = 'ECDSA', notBefore, notAfter, modulusLength } = options;
    const algorithm = { ...ALGORITHMS[keyType], ...(modulusLength === undefined ? {} : { modulusLength }) };
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const alternatives = names.map((value): JsonGeneralName => ({
      type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns',
      value,
    }));
    const certificate = await X509CertificateGenerator.create({
      serialNumber: nextSerial(),
      subject: options.subject ?? `CN=${names[0] ?? 'nobody'}`,
      issuer: this.#issuer.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      notBefore: new Date(notBefore ?? Date.now() - DAY_MS),
      notAfter: new Date(notAfter ?? Date.now() + 90 * DAY_MS),
      signingAlgorithm: ALGORITHMS.ECDSA,
      extensions: alternatives.length === 0 ? [] : [new SubjectAlternativeNameExtension(alternatives)],
    });
    const privateKey = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
    return { chain: `${certificate.toString('pem')}\n`, privateKey };
  }

  async secret(name: string, options: LeafOptions = {}): Promise<Secret> {
    return tlsSecret(name, await this.issue(options));
  }
}

/** A Secret of type kubernetes.io/tls in the namespace of the tests' pools. */
export function tlsSecret(
  name: string,
  { chain, privateKey }: IssuedPair,
  over: Partial<Secret> = {},
): Secret {
  const data = { 'tls.crt': base64(chain), 'tls.key': base64(privateKey) };
  return { metadata: { name, namespace: 'shop' }, type: 'kubernetes.io/tls', data, ...over };
}

/** A Secret of type kubernetes.io/tls as a manifest, in the namespace of files. */
export function secretManifest(name: string, { chain, privateKey }: IssuedPair): string {
  const data = JSON.stringify({ 'tls.crt': base64(chain), 'tls.key': base64(privateKey) });
  return `---
apiVersion: v1
kind: Secret
metadata: {name: ${name}}
type: kubernetes.io/tls
data: ${data}
`;
}

export function caConfigMap(name: string, ...authorities: readonly TestAuthority[]): ConfigMap {
  const bundle = authorities.map(({ certificate }) => certificate).join('');
  return { metadata: { name, namespace: 'shop' }, data: { 'ca.crt': bundle } };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function nextSerial(): string {
  serial += 1;
  return (0x1000 + serial).toString(16).padStart(4, '0');
}
