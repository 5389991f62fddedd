import { describe, expect, it } from 'vitest';
import { parseAuthority } from '../../../../proxy/http/authority.ts';

describe('parseAuthority', () => {
  it.each([
    ['a', 'a'],
    ['Shop.Example.COM', 'shop.example.com'],
    ['shop.example.com.', 'shop.example.com'],
    ['shop.example.com.:443', 'shop.example.com'],
    ['a:1', 'a'],
    ['a:65535', 'a'],
    ['192.0.2.1:80', '192.0.2.1'],
    ['[2001:DB8::1]', '[2001:db8::1]'],
    ['[::1]:8080', '[::1]'],
    ['my_service', 'my_service'],
    ['a'.repeat(253), 'a'.repeat(253)],
  ])('reads %s as %s', (authority, hostname) => {
    expect(parseAuthority(authority)).toBe(hostname);
  });

  // B01
  it.each([
    '',
    '.',
    'a..',
    'a..b',
    '.a',
    'a,b',
    'a b',
    'u@a',
    'u:p@a',
    'a/b',
    'a\\b',
    'a?b',
    'a#b',
    'a%2eb',
    'a:',
    ':80',
    'a:0',
    'a:080',
    'a:99999',
    'a:65536',
    'a:8a',
    'a:80:80',
    '[::1',
    '::1',
    '[]',
    '[::1]a',
    '[::1]:',
    '[fe80::1%eth0]',
    '[::1:80',
    'caf\u00e9',
    '*.example.com',
    'a\u0000',
    'a'.repeat(254),
  ])('refuses %j', (authority) => {
    expect(parseAuthority(authority)).toBeUndefined();
  });
});
