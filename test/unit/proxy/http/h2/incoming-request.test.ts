import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../../../../proxy/http/h1/fault.ts';
import { IncomingRequest, isMalformed } from '../../../../../proxy/http/h2/incoming-request.ts';
import { unpacked } from '../../../../support/http2/unpacked.ts';

type Pairs = readonly (readonly [name: string, value: string])[];

const GET: Pairs = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/a?b=c'],
  [':authority', 'Example.com'],
];

const request = new IncomingRequest();

function read(pairs: Pairs, hasBody = false): Fault | undefined {
  return request.read(unpacked(pairs), hasBody);
}

/** The lines of the head that was read last. */
function lines(): string[] {
  const { lines: read } = request.head;
  return Array.from({ length: read.count }, (_, i) => `${read.name(i)}: ${read.value(i)}`);
}

describe('a request of HTTP/2', () => {
  it('is read like one of HTTP/1.1', () => {
    expect(read([...GET, ['accept', '*/*'], ['te', 'trailers']])).toBeUndefined();
    const { head } = request;
    expect(head).toMatchObject({
      method: 'GET',
      path: '/a',
      query: 'b=c',
      hostname: 'example.com',
      body: 'none',
    });
    expect(head.protocol).toBe('HTTP/2');
    expect(lines()).toEqual(['host: Example.com', 'accept: */*', 'te: trailers']);
  });

  it('has a body that is as long as it says, or comes in chunks', () => {
    expect(read([...GET, ['content-length', '5']], true)).toBeUndefined();
    expect(request.head).toMatchObject({ body: 'length', contentLength: 5 });
    expect(read(GET, true)).toBeUndefined();
    expect(request.head).toMatchObject({ body: 'chunked', contentLength: 0 });
  });

  it('has one line of cookies, made of its crumbs', () => {
    expect(read([...GET, ['cookie', 'a=1'], ['x-a', '1'], ['cookie', 'b=2']])).toBeUndefined();
    expect(lines()).toContain('cookie: a=1; b=2');
  });

  it('may repeat its authority in Host', () => {
    expect(read([...GET, ['host', 'example.COM']])).toBeUndefined();
    expect(lines()).toEqual(['host: Example.com']);
  });

  it('may ask for everything', () => {
    expect(
      read([[':method', 'OPTIONS'], [':path', '*'], ...GET.filter(([name]) => name !== ':path').slice(1)]),
    ).toBeUndefined();
    expect(request.head.target).toBe('*');
  });

  // E10, E11, E12, B03
  it.each<[what: string, pairs: Pairs, fault: Fault]>([
    ['a line end in a value', [...GET, ['a', 'b\r\nc: d']], 'field_invalid'],
    [
      'the end of the head in a value',
      [...GET, ['a', 'b\r\n\r\nGET / HTTP/1.1\r\nHost: a']],
      'field_invalid',
    ],
    ['a bare line feed', [...GET, ['a', 'b\nc: d']], 'bare_lf'],
    ['a bare carriage return', [...GET, ['a', 'b\rc: d']], 'bare_cr'],
    ['a NUL', [...GET, ['a', '\0']], 'value_invalid'],
    ['a colon in a name', [...GET, ['a: b', 'c']], 'field_invalid'],
    ['a line end in a name', [...GET, ['a: b\r\nc', 'd']], 'field_invalid'],
    ['no name', [...GET, ['', 'b']], 'pseudo_header'],
    ['a space in a name', [...GET, ['a b', 'c']], 'line_folding'],
    ['a space before a name', [...GET, [' a', 'b']], 'line_folding'],
    ['a capital in a name', [...GET, ['A', 'b']], 'field_invalid'],
    ['a space before a value', [...GET, ['a', ' b']], 'field_invalid'],
    ['a tab behind a value', [...GET, ['a', 'b\t']], 'field_invalid'],
    ['a protocol without CONNECT', [...GET, [':protocol', 'websocket']], 'pseudo_header'],
    ['a pseudo-header behind a field', [['a', 'b'], ...GET], 'pseudo_header'],
    ['a pseudo-header among the fields', [...GET, ['a', 'b'], [':path', '/']], 'name_invalid'],
    [
      'a line end in the path',
      [...GET.filter(([name]) => name !== ':path'), [':path', '/ HTTP/1.1\r\na: b']],
      'field_invalid',
    ],
    [
      'a line end in the method',
      [[':method', 'GET / HTTP/1.1\r\na: b\r\nGET'], ...GET.slice(1)],
      'line_folding',
    ],
    ['a space in the method', [[':method', 'GET /b'], ...GET.slice(1)], 'version_invalid'],
    ['a line end in the authority', [...GET.slice(0, 3), [':authority', 'a\r\nx: y']], 'field_invalid'],
    ['coding of a transfer', [...GET, ['transfer-encoding', 'chunked']], 'connection_header'],
    ['options of a connection', [...GET, ['connection', 'close']], 'connection_header'],
    ['another protocol', [...GET, ['upgrade', 'websocket']], 'connection_header'],
    ['the wish to keep a connection', [...GET, ['keep-alive', 'timeout=5']], 'connection_header'],
    ['another TE', [...GET, ['te', 'gzip']], 'connection_header'],
    ['another Host', [...GET, ['host', 'b']], 'host_mismatch'],
    ['a length, and no body', [...GET, ['content-length', '1']], 'cl_mismatch'],
    ['no host at all', GET.slice(0, 3), 'host_missing'],
  ])('is malformed with %s', (_, pairs, fault) => {
    expect(read(pairs)).toBe(fault);
    expect(isMalformed(fault)).toBe(true);
  });

  it('is too large when it is so in HTTP/1.1', () => {
    expect(read([...GET, ['a', 'b'.repeat(16_384)]])).toBe('head_too_large');
    expect(read([...GET, ...Array.from({ length: 100 }, () => ['a', 'b'] as const)])).toBe(
      'too_many_headers',
    );
    expect(isMalformed('head_too_large')).toBe(false);
  });

  it('is never read as other fields than it has', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', '-', ':', ';', ' ', '\t', '\r', '\n', '\0', 'A', '_'),
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), (more) => {
        if (read([...GET, ...more]) !== undefined) return;
        expect(lines()).toEqual(['host: Example.com', ...more.map(([name, value]) => `${name}: ${value}`)]);
      }),
      { seed: 8, numRuns: 3_000 },
    );
  });
});
