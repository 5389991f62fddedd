import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpackEncoder } from '../../../../../../proxy/http/h2/hpack/encoder.ts';
import { BlockReader, encoded } from '../../../../../support/http2/field-blocks.ts';
import type { FieldList } from '../../../../../support/http2/frames.ts';

const AUTHORITY = [':authority', 'www.example.com'] as const;

describe('any fields', () => {
  const name = fc.oneof(
    fc.constantFrom(':path', ':method', 'cookie', 'accept-encoding', 'x-a', 'date', 'content-type'),
    fc.stringMatching(/^[a-c1_.-]{0,12}$/),
  );
  const bytes = fc.uint8Array({ maxLength: 60 }).map((all) => Buffer.from(all).toString('latin1'));
  const value = fc.oneof(fc.constantFrom('GET', '/', 'gzip, deflate', '1', '2', 'x'.repeat(1_500)), bytes);
  const step = fc.record({
    tableBytes: fc.oneof(
      { weight: 6, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(0, 31, 32, 100, 1_000, 4_096, 65_536) },
    ),
    list: fc.array(fc.tuple(name, value), { maxLength: 12 }),
  });

  it('come out as they went in, whatever came before and however large the table is', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const encoder = new HpackEncoder();
        const reader = new BlockReader();
        for (const { tableBytes, list } of steps) {
          if (tableBytes !== undefined) encoder.setMaxTableBytes(tableBytes);
          expect(reader.read(encoded(encoder, list))).toEqual(list);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('what goes into the table', () => {
  it('is a field that comes again, not one that comes once', () => {
    const encoder = new HpackEncoder();
    const sizes = [1, 2, 3].map(() => encoded(encoder, [AUTHORITY]).length);
    expect(sizes).toEqual([17, 17, 1]);
    for (let i = 0; i < 1_000; i++) encoded(encoder, [['x-request-id', `id ${i}`], AUTHORITY]);
    expect(encoded(encoder, [AUTHORITY])).toHaveLength(1);
  });

  it.each(['authorization', 'proxy-authorization', 'cookie', 'set-cookie'])('is never %s', (name) => {
    const encoder = new HpackEncoder();
    const blocks = [1, 2, 3].map(() => encoded(encoder, [[name, 'secret']]));
    for (const block of blocks) {
      // 0001xxxx: never indexed (RFC 7541 section 6.2.3), nor by anyone further on.
      expect(block[0]! & 0xf0).toBe(0x10);
      expect(block.includes('secret')).toBe(true);
    }
  });

  it('is no path', () => {
    const encoder = new HpackEncoder();
    const blocks = [1, 2, 3].map(() => encoded(encoder, [[':path', '/reset?token=1']]));
    for (const block of blocks) expect(block[0]).toBe(4);
    expect(encoded(encoder, [[':path', '/']])).toEqual(Buffer.of(0x84));
  });

  it('is nothing large', () => {
    const encoder = new HpackEncoder();
    const large: FieldList = [['x-large', 'x'.repeat(1_200)]];
    const sizes = [1, 2, 3].map(() => encoded(encoder, large).length);
    expect(new Set(sizes).size).toBe(1);
  });
});

describe('a peer that wants another table', () => {
  const twice = (encoder: HpackEncoder) => [encoded(encoder, [AUTHORITY]), encoded(encoder, [AUTHORITY])];

  it('is told so at the start of the next block, once', () => {
    const encoder = new HpackEncoder();
    twice(encoder);
    encoder.setMaxTableBytes(100);
    const [first, second] = twice(encoder);
    expect(first!.subarray(0, 2)).toEqual(Buffer.from('3f45', 'hex'));
    expect(second![0]).not.toBe(0x3f);
  });

  it('is told of the smallest, too, when it has changed its mind in between', () => {
    const encoder = new HpackEncoder();
    twice(encoder);
    for (const size of [1_000, 0, 300, 4_096]) encoder.setMaxTableBytes(size);
    const reader = new BlockReader();
    const block = encoded(encoder, [AUTHORITY]);
    expect(block.subarray(0, 4)).toEqual(Buffer.from('203fe11f', 'hex'));
    expect(reader.read(block)).toEqual([AUTHORITY]);
  });

  it('gets no more than the default, and no update for it', () => {
    const encoder = new HpackEncoder();
    encoder.setMaxTableBytes(1_000_000);
    expect(encoded(encoder, [[':method', 'GET']])).toEqual(Buffer.of(0x82));
  });

  it('gets nothing indexed that it has no room for', () => {
    const encoder = new HpackEncoder();
    encoder.setMaxTableBytes(0);
    const [first, second] = twice(encoder);
    expect(first![0]).toBe(0x20);
    expect(second!).toHaveLength(17);
    expect(encoded(encoder, [AUTHORITY])).toHaveLength(17);
  });
});

it.each([200, 204, 206, 304, 400, 404, 500, 201, 503])('writes a status: %d', (status) => {
  const encoder = new HpackEncoder();
  encoder.begin();
  encoder.status(status);
  const block = Buffer.from(encoder.bytes.subarray(0, encoder.length));
  expect(new BlockReader().read(block)).toEqual([[':status', String(status)]]);
});

it('takes header lines, in any case and with any white space', () => {
  const encoder = new HpackEncoder();
  encoder.begin();
  encoder.lines('X-One: 1\r\nx-two:2\r\nX-Three: \t 3 4\t\r\nX-None:\r\nX-Blank:  \r\n');
  encoder.field('x-last', 'yes');
  const block = Buffer.from(encoder.bytes.subarray(0, encoder.length));
  expect(new BlockReader().read(block)).toEqual([
    ['x-one', '1'],
    ['x-two', '2'],
    ['x-three', '3 4'],
    ['x-none', ''],
    ['x-blank', ''],
    ['x-last', 'yes'],
  ]);
});

it('writes a block that is larger than any before', () => {
  const encoder = new HpackEncoder();
  const list: FieldList = Array.from({ length: 60 }, (_, i) => [`x-${i}`, 'y'.repeat(1_000)]);
  expect(new BlockReader({ maxBytes: 100_000, maxFields: 100 }).read(encoded(encoder, list))).toEqual(list);
});
