import { describe, expect, it } from 'vitest';
import type { HashKey, LoadBalancing } from '../../../../api/snapshot.ts';
import { cookieValue } from '../../../../proxy/balancer/cookie-value.ts';
import { addressKey, hashKeyOf } from '../../../../proxy/balancer/hash-key.ts';
import { parseCookies } from '../../../../proxy/routing/cookies.ts';
import { poolConfig } from '../../../support/builders.ts';
import { request } from '../../../support/request-view.ts';
import * as fc from 'fast-check';

function balancing(over: Partial<LoadBalancing>): LoadBalancing {
  return { ...poolConfig().loadBalancing, ...over };
}

function consistent(key: HashKey['key'], name: string) {
  return hashKeyOf(balancing({ algorithm: 'ConsistentHash', consistentHash: { key, name } }));
}

describe('hashKeyOf', () => {
  it('is the client address with SourceIPHash', () => {
    const key = hashKeyOf(balancing({ algorithm: 'SourceIPHash' }));
    expect(key(request({ clientAddress: '192.0.2.1' }))).toBe(addressKey('192.0.2.1'));
    expect(key(request({ clientAddress: '192.0.2.1', url: '/other', headers: { cookie: 'a=b' } }))).toBe(
      addressKey('192.0.2.1'),
    );
    expect(addressKey('192.0.2.1')).not.toBe(addressKey('192.0.2.2'));
  });

  it('is nothing with an algorithm that does not hash', () => {
    expect(hashKeyOf(balancing({}))(request())).toBe(0);
  });

  it.each([
    [
      'header',
      consistent('Header', 'x-user'),
      { headers: { 'x-user': 'ann' } },
      { headers: { 'x-user': 'bob' } },
    ],
    [
      'cookie',
      consistent('Cookie', 'sid'),
      { headers: { cookie: 'a=1; sid=ann' } },
      { headers: { cookie: 'sid=bob' } },
    ],
    ['parameter', consistent('QueryParam', 'user'), { url: '/?user=ann' }, { url: '/?a=1&user=b%6fb' }],
  ] as const)('is the value of a %s, wherever the client is', (_name, key, ann, bob) => {
    const keyOf = (input: object, clientAddress: string) => key(request({ ...input, clientAddress }));
    expect(keyOf(ann, '192.0.2.1')).toBe(keyOf(ann, '192.0.2.2'));
    expect(keyOf(ann, '192.0.2.1')).not.toBe(keyOf(bob, '192.0.2.1'));
    // Without it, the client is who it is by address.
    expect(keyOf({}, '192.0.2.1')).toBe(addressKey('192.0.2.1'));
  });

  it('takes values that say the same in the same way', () => {
    const key = consistent('QueryParam', 'user');
    expect(key(request({ url: '/?user=b%6fb' }))).toBe(key(request({ url: '/?x=1&user=bob' })));
  });
});

describe('cookieValue', () => {
  it.each([
    ['a=1', '1'],
    ['b=2; a=1', '1'],
    ['b=2;a=1;c=3', '1'],
    ['aa=2; a=1', '1'],
    ['a=1; a=2', '1'],
    ['a= 1 ; b=2', '1'],
    ['a="1"', '"1"'],
    ['a=x=y', 'x=y'],
    ['a=', ''],
    ['b=a=1', undefined],
    ['a', undefined],
    ['', undefined],
    ['A=1', undefined],
  ])('in %j is %j', (header, value) => {
    expect(cookieValue(header, 'a')).toBe(value);
  });

  it('agrees with the parser of all cookies', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '=', ';', ' ', '\t', '"'), maxLength: 30 });
    fc.assert(
      fc.property(text, (header) => {
        for (const name of ['a', 'b', 'ab'])
          expect(cookieValue(header, name)).toBe(parseCookies(header).get(name));
      }),
      { seed: 3, numRuns: 2_000 },
    );
  });
});
