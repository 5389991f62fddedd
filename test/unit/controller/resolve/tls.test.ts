import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { redacted } from '../../../../api/redact.ts';
import { servable } from '../../../../api/unresolved.ts';
import { compileSnapshot } from '../../../../controller/compile/snapshot.ts';
import { type LastGood, resolvePool } from '../../../../controller/resolve/resolve-pool.ts';
import type { Secret, World } from '../../../../controller/resolve/world.ts';
import {
  base64,
  caConfigMap,
  type IssuedPair,
  TestAuthority,
  tlsSecret,
} from '../../../support/certificates.ts';
import { poolOf, worldOf } from '../../../support/pools.ts';

const DAY_MS = 86_400_000;
const NOW = Date.now();

const HTTPS = poolOf(`
listeners:
- {name: web, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: shop}]}}
backends: [{name: v1, type: Static, static: {endpoints: [{address: 192.0.2.1, port: 80}]}}]
defaultBackendRefs: [{name: v1}]`);

let authority: TestAuthority;
let pair: IssuedPair;
let other: IssuedPair;

beforeAll(async () => {
  authority = await TestAuthority.create();
  pair = await authority.issue({ names: ['shop.example.com', '*.shop.example.com'] });
  other = await authority.issue({ names: ['shop.example.com'] });
});

function worldWith(...secrets: readonly Secret[]): World {
  return worldOf({ secrets, now: NOW });
}

function certificatesOf(
  world: World,
  before?: LastGood,
): readonly { names: readonly string[]; chain: string }[] {
  const tls = resolvePool(HTTPS, world, before).intent?.config.listeners[0]?.tls;
  return tls?.mode === 'Terminate' ? tls.certificates : [];
}

function told(world: World, before?: LastGood): string[] {
  return resolvePool(HTTPS, world, before).problems.map(
    ({ condition, reason, path, message }) => `${condition} ${reason} ${path}: ${message}`,
  );
}

const AT = 'spec.listeners[0].tls.certificateRefs[0].name';

describe('the certificate of a listener', () => {
  it('comes from its Secret, with the names and the kind of key that it is chosen by', () => {
    const { intent, problems } = resolvePool(HTTPS, worldWith(tlsSecret('shop', pair)));
    expect(problems).toEqual([]);
    expect(intent?.config.listeners[0]?.tls).toMatchObject({
      mode: 'Terminate',
      minVersion: '1.2',
      cipherPolicy: 'Modern',
      certificates: [
        {
          secret: 'shop',
          names: ['shop.example.com', '*.shop.example.com'],
          keyType: 'ECDSA',
          chain: pair.chain,
          privateKey: pair.privateKey,
        },
      ],
    });
  });

  const broken: readonly (readonly [string, () => Secret, string])[] = [
    [
      'another type',
      () => tlsSecret('shop', pair, { type: 'Opaque' }),
      'Secret shop is of type Opaque, not kubernetes.io/tls',
    ],
    [
      'no certificate',
      () => tlsSecret('shop', { ...pair, chain: '' }),
      'tls.crt of Secret shop has no certificate in PEM',
    ],
    [
      'a damaged certificate',
      () => tlsSecret('shop', { ...pair, chain: pair.chain.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA') }),
      'tls.crt of Secret shop has a certificate that cannot be read',
    ],
    [
      'no key',
      () => tlsSecret('shop', { ...pair, privateKey: 'x' }),
      'tls.key of Secret shop is no private key in PEM without a passphrase',
    ],
    [
      'a key with a passphrase',
      () => {
        const { privateKey } = generateKeyPairSync('ec', {
          namedCurve: 'P-256',
          publicKeyEncoding: { type: 'spki', format: 'pem' },
          privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' },
        });
        return tlsSecret('shop', { ...pair, privateKey });
      },
      'tls.key of Secret shop is no private key in PEM without a passphrase',
    ],
    [
      'the key of another certificate',
      () => tlsSecret('shop', { chain: pair.chain, privateKey: other.privateKey }),
      'tls.key of Secret shop does not belong to its tls.crt',
    ],
    [
      'its chain the wrong way round',
      () => tlsSecret('shop', { chain: authority.certificate + pair.chain, privateKey: pair.privateKey }),
      'tls.key of Secret shop belongs to certificate 2 of its tls.crt, which has to be the first',
    ],
    [
      'nothing at all',
      () => ({ metadata: { name: 'shop', namespace: 'shop' }, type: 'kubernetes.io/tls', data: {} }),
      'tls.crt of Secret shop has no certificate in PEM',
    ],
  ];

  it.each(broken)('is refused with %s, and the one before goes on', (_, secret, message) => {
    const good = resolvePool(HTTPS, worldWith(tlsSecret('shop', other)));
    expect(told(worldWith(secret()), good)).toEqual([`ResolvedRefs InvalidCertificate ${AT}: ${message}`]);
    expect(certificatesOf(worldWith(secret()), good)).toMatchObject([{ chain: other.chain }]);
    expect(certificatesOf(worldWith(secret()))).toEqual([]);
  });

  it('is refused with a weak key', async () => {
    const weak = await authority.secret('shop', { keyType: 'RSA', modulusLength: 1024 });
    expect(told(worldWith(weak))).toEqual([
      `ResolvedRefs InvalidCertificate ${AT}: tls.key of Secret shop is an RSA key of 1024 bits, less than 2048`,
    ]);
  });

  it('goes on when its Secret goes, or may not be read any more', () => {
    const good = resolvePool(HTTPS, worldWith(tlsSecret('shop', pair)));
    expect(told(worldWith(), good)).toEqual([
      `ResolvedRefs SecretNotFound ${AT}: there is no Secret shop in namespace shop`,
    ]);
    expect(certificatesOf(worldWith(), good)).toMatchObject([{ chain: pair.chain }]);

    const denied = worldOf({ deniedNamespaces: ['shop'], now: NOW });
    const [problem] = told(denied, good);
    expect(problem).toContain(`ResolvedRefs SecretAccessDenied ${AT}`);
    expect(problem).toContain("--set 'secretNamespaces={shop}'");
    expect(certificatesOf(denied, good)).toMatchObject([{ chain: pair.chain }]);
  });

  it('is found in the namespace of the pool alone', () => {
    const elsewhere = tlsSecret('shop', pair, { metadata: { name: 'shop', namespace: 'other' } });
    expect(told(worldWith(elsewhere))).toMatchObject([expect.stringContaining('SecretNotFound')]);
  });

  it('is told of three weeks before its end, every day anew, and as unusable after it', async () => {
    const notAfter = NOW + 100 * DAY_MS;
    const secret = await authority.secret('shop', { notAfter });
    const whole = Math.floor(notAfter / 1_000) * 1_000;
    const at = (now: number) => resolvePool(HTTPS, worldOf({ secrets: [secret], now }));
    expect(at(NOW)).toMatchObject({ problems: [], nextExpiry: whole - 21 * DAY_MS });
    expect(at(whole - 3.5 * DAY_MS)).toMatchObject({
      problems: [
        {
          condition: 'Degraded',
          reason: 'CertificateExpiring',
          message: `the certificate of Secret shop expires ${new Date(whole).toISOString().slice(0, 10)}, in 3 days`,
        },
      ],
      nextExpiry: whole - 3 * DAY_MS + 1,
    });
    expect(at(whole - 1)).toMatchObject({
      problems: [{ message: expect.stringContaining('in 0 days') }],
      nextExpiry: whole,
    });
    const over = at(whole);
    expect(over.problems).toMatchObject([{ condition: 'ResolvedRefs', reason: 'InvalidCertificate' }]);
    expect(over.problems[0]?.message).toContain('expired');
    // It is all there is.
    expect(over.intent?.config.listeners[0]?.tls).toMatchObject({ certificates: [{ secret: 'shop' }] });
  });

  it('is not replaced by one that has expired or not begun', async () => {
    const good = resolvePool(HTTPS, worldWith(tlsSecret('shop', pair)));
    for (const times of [{ notAfter: NOW - 1_000 }, { notBefore: NOW + 3_600_000 }]) {
      const world = worldWith(await authority.secret('shop', times));
      expect(told(world, good)).toMatchObject([expect.stringContaining('InvalidCertificate')]);
      expect(certificatesOf(world, good)).toMatchObject([{ chain: pair.chain }]);
    }
  });
});

describe('client certificates', () => {
  const MUTUAL = poolOf(`
    listeners:
    - name: web
      protocol: HTTPS
      port: 443
      tls:
        certificateRefs: [{name: shop}]
        clientValidation: {mode: Optional, caRefs: [{name: clients}, {kind: Secret, name: partners}]}
    backends: [{name: v1, type: Static, static: {endpoints: [{address: 192.0.2.1, port: 80}]}}]
    defaultBackendRefs: [{name: v1}]`);

  it('may be signed by whoever is in any of the bundles', async () => {
    const partners = await TestAuthority.create('partners');
    const world = worldOf({
      secrets: [
        tlsSecret('shop', pair),
        {
          metadata: { name: 'partners', namespace: 'shop' },
          data: { 'ca.crt': base64(partners.certificate) },
        },
      ],
      configMaps: [caConfigMap('clients', authority)],
      now: NOW,
    });
    const { intent, problems } = resolvePool(MUTUAL, world);
    expect(problems).toEqual([]);
    expect(intent?.config.listeners[0]?.tls).toMatchObject({
      clientValidation: { mode: 'Optional', ca: authority.certificate + partners.certificate },
    });
  });

  it('let nobody in when there is no bundle to check them by', () => {
    const { intent, problems } = resolvePool(MUTUAL, worldWith(tlsSecret('shop', pair)));
    expect(problems.map(({ reason, path }) => `${reason} ${path}`)).toEqual([
      'ConfigMapNotFound spec.listeners[0].tls.clientValidation.caRefs[0].name',
      'SecretNotFound spec.listeners[0].tls.clientValidation.caRefs[1].name',
    ]);
    expect(intent?.config.listeners[0]?.tls).toMatchObject({
      certificates: [],
      unresolved: ['shop'],
      clientValidation: { ca: '', unresolved: ['ConfigMap/clients', 'Secret/partners'] },
    });
  });
});

describe('TLS to a backend', () => {
  const BACKEND = poolOf(`
    listeners: [{name: web, protocol: HTTP, port: 80}]
    backends:
    - name: v1
      type: Static
      static: {endpoints: [{address: 192.0.2.1, port: 443}]}
      tls: {serverName: db.example.com, caRef: {name: ca}, clientCertificateRef: {name: client}}
    defaultBackendRefs: [{name: v1}]`);

  it('has its CA, name and client certificate', () => {
    const world = worldOf({
      secrets: [tlsSecret('client', pair)],
      configMaps: [caConfigMap('ca', authority)],
      now: NOW,
    });
    expect(resolvePool(BACKEND, world).intent?.config.backends[0]?.tls).toEqual({
      mode: 'Verify',
      serverName: 'db.example.com',
      ca: authority.certificate,
      clientCertificate: pair,
    });
  });

  it('is spoken to nobody when something of that is missing', () => {
    const { intent, problems } = resolvePool(
      BACKEND,
      worldOf({ configMaps: [caConfigMap('ca', authority)], now: NOW }),
    );
    expect(problems).toMatchObject([
      { reason: 'SecretNotFound', path: 'spec.backends[0].tls.clientCertificateRef.name' },
    ]);
    expect(servable(compileSnapshot(intent!)).endpoints['v1']).toEqual([]);
  });
});

describe('what is secret', () => {
  it('gives each listener a ticket secret of its own, the same wherever it is made', () => {
    const of = (uid: string, ticketSecret: string) => {
      const pool = { ...HTTPS, metadata: { ...HTTPS.metadata, uid } };
      const world = worldOf({ secrets: [tlsSecret('shop', pair)], ticketSecret, now: NOW });
      const tls = resolvePool(pool, world).intent?.config.listeners[0]?.tls;
      return tls?.mode === 'Terminate' ? tls.ticketSecret : undefined;
    };
    expect(of('a', 'x')).toBe(of('a', 'x'));
    expect(new Set([of('a', 'x'), of('b', 'x'), of('a', 'y')]).size).toBe(3);
  });

  // CATALOGUE J12
  it('is not in what a person is shown of a snapshot', () => {
    const world = worldOf({ secrets: [tlsSecret('shop', pair)], ticketSecret: 'seed', now: NOW });
    const snapshot = compileSnapshot(resolvePool(HTTPS, world).intent!);
    expect(JSON.stringify(snapshot)).toContain('PRIVATE KEY');
    const shown = JSON.stringify(redacted(snapshot));
    expect(shown).not.toMatch(/PRIVATE KEY/);
    expect(shown).toContain('"ticketSecret":"redacted"');
    expect(shown).toContain('BEGIN CERTIFICATE');
  });
});
