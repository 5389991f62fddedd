import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { ServerCertificate } from '../../api/snapshot.ts';
import type { ConfigMap, Secret } from './world.ts';

/** A certificate and its key, read and found to fit together. */
export interface CertificateReading {
  readonly certificate: ServerCertificate;
  /** Milliseconds since the epoch: when the last of the chain begins. */
  readonly notBefore: number;
}

export interface BundleReading {
  readonly pem: string;
  /** Milliseconds since the epoch: when all of its certificates have ended. */
  readonly notAfter: number;
}

/** What an object holds; a text for a person when that cannot be used. It never quotes what the object holds. */
export type Reading<T> = T | string;

const TLS_TYPE = 'kubernetes.io/tls';
const CA_KEY = 'ca.crt';
/** Below this OpenSSL would refuse it as too weak, and clients do. */
const MIN_RSA_BITS = 2048;

/** Each object is read once for as long as it lives. */
const certificates = new WeakMap<Secret, Reading<CertificateReading>>();
const bundles = new WeakMap<Secret | ConfigMap, Reading<BundleReading>>();

/** The certificate and key of a Secret of type kubernetes.io/tls. */
export function readCertificate(secret: Secret): Reading<CertificateReading> {
  let reading = certificates.get(secret);
  if (reading === undefined) certificates.set(secret, (reading = readCertificateAnew(secret)));
  return reading;
}

/** The CA certificates that an object has under `ca.crt`. */
export function readBundle(kind: 'Secret' | 'ConfigMap', object: Secret | ConfigMap): Reading<BundleReading> {
  let reading = bundles.get(object);
  if (reading === undefined) bundles.set(object, (reading = readBundleAnew(kind, object)));
  return reading;
}

function readCertificateAnew({
  metadata: { name },
  type = 'Opaque',
  data,
}: Secret): Reading<CertificateReading> {
  if (type !== TLS_TYPE) return `Secret ${name} is of type ${type}, not ${TLS_TYPE}`;
  const chain = parseChain(decode(data['tls.crt']));
  if (typeof chain === 'string') return `tls.crt of Secret ${name} ${chain}`;
  const leaf = chain[0]!;
  const key = parseKey(decode(data['tls.key']));
  if (key === undefined) return `tls.key of Secret ${name} is no private key in PEM without a passphrase`;
  const keyType = keyTypeOf(key);
  if (typeof keyType !== 'object') return `tls.key of Secret ${name} is ${keyType}`;
  const owner = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (owner === -1) return `tls.key of Secret ${name} does not belong to its tls.crt`;
  if (owner > 0) {
    return `tls.key of Secret ${name} belongs to certificate ${owner + 1} of its tls.crt, which has to be the first`;
  }
  const pair = { chain: toPem(chain), privateKey: key.export({ type: 'pkcs8', format: 'pem' }) };
  const refusal = refusalOf(pair);
  if (refusal !== undefined) return `the certificate of Secret ${name} cannot be used: ${refusal}`;
  return {
    certificate: {
      ...pair,
      secret: name,
      names: namesOf(leaf),
      keyType: keyType.type,
      notAfter: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())),
    },
    notBefore: Math.max(...chain.map(({ validFromDate }) => validFromDate.getTime())),
  };
}

function readBundleAnew(kind: 'Secret' | 'ConfigMap', object: Secret | ConfigMap): Reading<BundleReading> {
  const text = object.data[CA_KEY];
  const chain = parseChain(kind === 'Secret' ? decode(text) : (text ?? ''));
  if (typeof chain === 'string') return `${CA_KEY} of ${kind} ${object.metadata.name} ${chain}`;
  return { pem: toPem(chain), notAfter: Math.max(...chain.map(({ validToDate }) => validToDate.getTime())) };
}

function decode(base64: string | undefined): string {
  return base64 === undefined ? '' : Buffer.from(base64, 'base64').toString('latin1');
}

/** What is wrong, as the end of a sentence, or every certificate of a text. */
function parseChain(text: string): X509Certificate[] | string {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (blocks === null) return 'has no certificate in PEM';
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return 'has a certificate that cannot be read';
  }
}

function parseKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

function keyTypeOf(key: KeyObject): { readonly type: ServerCertificate['keyType'] } | string {
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss': {
      const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
      return bits < MIN_RSA_BITS ? `an RSA key of ${bits} bits, less than ${MIN_RSA_BITS}` : { type: 'RSA' };
    }
    case 'ec':
      return { type: 'ECDSA' };
    case 'ed25519':
    case 'ed448':
      return { type: 'EdDSA' };
    default:
      return `a key of type ${key.asymmetricKeyType}, which TLS does not use`;
  }
}

/** Why TLS would not take it, asked of the same library that the proxies use. */
function refusalOf({ chain, privateKey }: { chain: string; privateKey: string }): string | undefined {
  try {
    createSecureContext({ cert: chain, key: privateKey });
    return undefined;
  } catch (error) {
    const reason: unknown = error instanceof Error && 'reason' in error ? error.reason : undefined;
    return typeof reason === 'string' ? reason : 'OpenSSL refuses it';
  }
}

/** Host names of the certificate: alternative names, or where it has none, the common name. */
function namesOf(leaf: X509Certificate): string[] {
  const alternatives = (leaf.subjectAltName ?? '').match(/(?<=(?:^|, )DNS:)[^,"]+/g);
  const names = alternatives ?? leaf.subject.match(/(?<=^CN=).+$/m) ?? [];
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

/** As OpenSSL writes it: whatever else a file had is gone. */
function toPem(chain: readonly X509Certificate[]): string {
  return chain.map((certificate) => certificate.toString()).join('');
}
