import 'reflect-metadata'; // which the library below needs
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and its key, both in PEM. */
export interface KeyPair {
  readonly certificate: string;
  /** PKCS #8. */
  readonly privateKey: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
/** Clocks differ: certificates are valid from a little before they are made. */
const SKEW_MS = 5 * 60_000;

export const AUTHORITY_LIFE_MS = 365 * DAY_MS;
export const SERVER_LIFE_MS = DAY_MS;

/** A new CA for the control stream. */
export async function createAuthority(now: number): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=evenkeel control stream ${new Date(now).toISOString()}`,
    keys,
    notBefore: new Date(now - SKEW_MS),
    notAfter: new Date(now + AUTHORITY_LIFE_MS),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), privateKey: await exportKey(keys.privateKey) };
}

/** A certificate for a server of this DNS name, signed by the CA. */
export async function issueServer(
  authority: KeyPair,
  name: string,
  now: number,
  lifeMs = SERVER_LIFE_MS,
): Promise<KeyPair> {
  const issuer = new X509Certificate(authority.certificate);
  const signingKey = await importKey(authority.privateKey);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    notBefore: new Date(now - SKEW_MS),
    notAfter: new Date(now + lifeMs),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth], false),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: name }], false),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), privateKey: await exportKey(keys.privateKey) };
}

/** Milliseconds since the epoch. */
export function validUntil(certificate: string): number {
  return new X509Certificate(certificate).notAfter.getTime();
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

function importKey(pem: string): Promise<CryptoKey> {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  return crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}
