import { describe, expect, it } from 'vitest';
import type { ServerCertificate } from '../../../../api/snapshot.ts';
import { chooseCertificates } from '../../../../proxy/tls/server-context.ts';

function certificate(
  secret: string,
  names: readonly string[],
  keyType: ServerCertificate['keyType'] = 'ECDSA',
) {
  return { secret, names, keyType, chain: '', privateKey: '', notAfter: 0 };
}

const CERTIFICATES = [
  certificate('default', ['www.example.com']),
  certificate('wild', ['*.example.com', 'example.com']),
  certificate('wild-rsa', ['*.example.com', 'example.com'], 'RSA'),
  certificate('shop', ['shop.example.com']),
  certificate('shop-again', ['shop.example.com']),
  certificate('shop-rsa', ['shop.example.com'], 'RSA'),
  certificate('default-rsa', ['www.example.com'], 'RSA'),
  certificate('new', ['new.example.com']),
  certificate('old-rsa', ['old.example.com'], 'RSA'),
];

describe('the certificates for a server name', () => {
  it.each([
    ['shop.example.com', 'shop shop-rsa'],
    ['api.example.com', 'wild wild-rsa'],
    ['example.com', 'wild wild-rsa'],
    // For who cannot use ECDSA, whose certificate it is matters less than that there is one.
    ['new.example.com', 'new wild-rsa'],
    // Everybody can use RSA.
    ['old.example.com', 'old-rsa'],
    // A wildcard takes one label.
    ['a.b.example.com', 'default default-rsa'],
    ['example.org', 'default default-rsa'],
    ['localhost', 'default default-rsa'],
    [undefined, 'default default-rsa'],
  ])('%s: %s', (name, chosen) => {
    expect(
      chooseCertificates(CERTIFICATES, name)
        .map(({ secret }) => secret)
        .join(' '),
    ).toBe(chosen);
  });

  it('are none where there are none', () => {
    expect(chooseCertificates([], 'shop.example.com')).toEqual([]);
  });
});
