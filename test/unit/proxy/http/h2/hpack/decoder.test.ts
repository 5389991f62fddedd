import { describe, expect, it } from 'vitest';
import { HpackDecoder } from '../../../../../../proxy/http/h2/hpack/decoder.ts';
import { Fields } from '../../../../../../proxy/http/h2/hpack/fields.ts';
import { BlockReader } from '../../../../../support/http2/field-blocks.ts';
import { block, integer } from '../../../../../support/http2/frames.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const REQUESTS = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
];
const RESPONSES = [
  [
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
    ['location', 'https://www.example.com'],
    ['content-encoding', 'gzip'],
    ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ],
];
/** A size update to the 256 bytes of the examples' tables. */
const SIZE_256 = '3fe101';

describe('the examples of RFC 7541 appendix C', () => {
  it.each([
    ['C.2.1', '400a637573746f6d2d6b65790d637573746f6d2d686561646572', [['custom-key', 'custom-header']]],
    ['C.2.2', '040c2f73616d706c652f70617468', [[':path', '/sample/path']]],
    ['C.2.3', '100870617373776f726406736563726574', [['password', 'secret']]],
    ['C.2.4', '82', [[':method', 'GET']]],
  ])('%s: one field', (_, bytes, fields) => {
    expect(new BlockReader().read(hex(bytes))).toEqual(fields);
  });

  it.each([
    [
      'C.3, plain',
      [
        '828684410f7777772e6578616d706c652e636f6d',
        '828684be58086e6f2d6361636865',
        '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
      ],
      REQUESTS,
    ],
    [
      'C.4, Huffman',
      [
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        '828684be5886a8eb10649cbf',
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      ],
      REQUESTS,
    ],
    [
      'C.5, plain, with evictions',
      [
        `${SIZE_256}4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a3231
         20474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
        '4803333037c1c0bf',
        `88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d
         4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b20766572
         73696f6e3d31`,
      ],
      RESPONSES,
    ],
    [
      'C.6, Huffman, with evictions',
      [
        `${SIZE_256}488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad17
         1863c78f0b97c8e9ae82ae43d3`,
        '4883640effc1c0bf',
        `88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf
         cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007`,
      ],
      RESPONSES,
    ],
  ])('%s: a connection', (_, blocks, lists) => {
    const reader = new BlockReader();
    expect(blocks.map((bytes) => reader.read(hex(bytes)))).toEqual(lists);
  });
});

describe('what is no field block', () => {
  it.each([
    ['index 0', '80'],
    ['an index behind the static table of an empty dynamic one', 'be'],
    ['an index past everything', 'ffffffff07'],
    ['the name of an entry that is not there', '7f00 0161'],
    ['an integer without an end', 'ff'],
    ['an integer that goes on', 'ff80'],
    ['an integer past all use', 'ff8080808001'],
    ['an integer that overflows 32 bits', '7fffffffff0f 0161'],
    ['an integer of nothing but leading zeros', `7f${'80'.repeat(40)}00 0161`],
    ['a string that is cut', '000461'],
    ['a string of more than the whole', '007fffffff07 61'],
    ['a literal without a value', '000161'],
    ['a literal without a name', '00'],
    ['a size update behind a field', '8220'],
    ['a size update past what was announced', '3fe220'],
    ['a size update at the end of a block, after a field', '823f00'],
    ['EOS in a string', '00 0161 84ffffffff'],
    ['EOS with more behind it', '00 0161 86ffffffffffff'],
    ['a byte of padding', '00 0161 821fff'],
    ['padding of zeros', '00 0161 8118'],
    ['padding that is a code of its own', '00 0161 8100'],
    ['a Huffman string that is padding alone, of eight bits', '00 0161 81ff'],
  ])('ends the connection: %s', (_, bytes) => {
    expect(new BlockReader().read(hex(bytes))).toBeUndefined();
  });

  it('is every beginning of a block that ends in a field', () => {
    const whole = hex('40 03612d62 0163');
    expect(new BlockReader().read(whole)).toEqual([['a-b', 'c']]);
    for (let end = 1; end < whole.length; end++) {
      expect(new BlockReader().read(whole.subarray(0, end)), `${end} bytes`).toBeUndefined();
    }
  });
});

describe('what is one, though it looks odd', () => {
  it.each([
    ['nothing at all', '', []],
    ['size updates alone', '20 3fe11f', []],
    ['an empty value', '00 0161 00', [['a', '']]],
    ['an empty name', '00 00 0161', [['', 'a']]],
    ['an empty Huffman string', '00 0161 80', [['a', '']]],
    ['five bits of padding and the code of a', '00 0161 811f', [['a', 'a']]],
    ['a line end, which whoever reads the lines must see', '00 0161 0461 0d0a 62', [['a', 'a\r\nb']]],
  ])('%s', (_, bytes, fields) => {
    expect(new BlockReader().read(hex(bytes))).toEqual(fields);
  });
});

describe('the dynamic table', () => {
  const insert = (name: string, value: string) =>
    Buffer.concat([Buffer.of(0x40), block([[name, value]]).subarray(1)]);
  const newest = Buffer.of(0xbe);

  it('forgets all when it is resized to nothing', () => {
    const reader = new BlockReader();
    reader.read(insert('a', 'b'));
    expect(reader.read(newest)).toEqual([['a', 'b']]);
    expect(reader.read(hex('20 3fe11f'))).toEqual([]);
    expect(reader.read(newest)).toBeUndefined();
  });

  it('is emptied by an entry that is too large for it', () => {
    const reader = new BlockReader();
    reader.read(insert('a', 'b'));
    expect(reader.read(insert('a', 'x'.repeat(4_096 - 32)))).toHaveLength(1);
    expect(reader.read(newest)).toBeUndefined();
    // This one fits, and is all that does.
    expect(reader.read(insert('a', 'x'.repeat(4_096 - 33)))).toHaveLength(1);
    expect(reader.read(newest)).toHaveLength(1);
    expect(reader.read(Buffer.of(0xbf))).toBeUndefined();
  });

  it('holds as many entries as RFC 7541 counts, the newest first', () => {
    const reader = new BlockReader();
    for (let i = 0; i < 300; i++) reader.read(insert('', ''));
    expect(reader.read(integer(61 + 128, 7, 0x80))).toEqual([['', '']]);
    expect(reader.read(integer(61 + 129, 7, 0x80))).toBeUndefined();
  });

  it('lets a field name the entry that it drives out', () => {
    const reader = new BlockReader();
    const value = 'v'.repeat(2_000);
    reader.read(Buffer.concat([insert('name-one', value), insert('name-two', value)]));
    const again = Buffer.concat([integer(63, 6, 0x40), block([['', value]]).subarray(2)]);
    expect(reader.read(again)).toEqual([['name-one', value]]);
    expect(reader.read(Buffer.of(0xbf))).toEqual([['name-two', value]]);
  });
});

describe('limits', () => {
  const limits = { maxBytes: 1_000, maxFields: 5 };
  const bomb = (bytes: Buffer, count: number) => Buffer.concat(Array.from({ length: count }, () => bytes));

  // E04
  it('count what is decoded: a large entry that is used again and again is kept no more often than they allow', () => {
    const reader = new BlockReader({ maxBytes: 16_384, maxFields: 1_000 });
    const value = 'x'.repeat(4_000);
    reader.read(Buffer.concat([Buffer.of(0x40), block([['a', value]]).subarray(1)]));
    const before = reader.fields.bytes.length;
    expect(reader.read(bomb(Buffer.of(0xbe), 30_000))).toHaveLength(4);
    expect(reader.fields.isTooLarge).toBe(true);
    // What a block may unpack to, not what it does.
    expect(reader.fields.bytes.length).toBeLessThan(before + 65_536);
  });

  it('are those of RFC 9113 section 6.5.2: name, value and 32', () => {
    const reader = new BlockReader(limits);
    expect(reader.read(block([['ab', 'x'.repeat(1_000 - 34)]]))).toHaveLength(1);
    expect(reader.fields.isTooLarge).toBe(false);
    expect(reader.read(block([['ab', 'x'.repeat(1_000 - 33)]]))).toEqual([]);
    expect(reader.fields.isTooLarge).toBe(true);
  });

  it('bound the number of fields', () => {
    const reader = new BlockReader(limits);
    expect(reader.read(bomb(Buffer.of(0x82), 5))).toHaveLength(5);
    expect(reader.fields.isTooLarge).toBe(false);
    expect(reader.read(bomb(Buffer.of(0x82), 6))).toHaveLength(5);
    expect(reader.fields.isTooLarge).toBe(true);
  });

  it('do not put the table out of step, and are not the end of the connection', () => {
    const reader = new BlockReader(limits);
    const large = ['a', 'x'.repeat(2_000)] as const;
    const both = [large, ['b', 'c'] as const].map((each) => [Buffer.of(0x40), block([each]).subarray(1)]);
    expect(reader.read(Buffer.concat(both.flat()))).toEqual([]);
    expect(reader.fields.isTooLarge).toBe(true);
    expect(reader.read(Buffer.of(0xbe))).toEqual([['b', 'c']]);
    expect(reader.fields.isTooLarge).toBe(false);
  });

  it('are no reason to take what is no field block', () => {
    const reader = new BlockReader(limits);
    expect(reader.read(Buffer.concat([bomb(Buffer.of(0x82), 10), hex('80')]))).toBeUndefined();
  });
});

it('writes lines, and where they are', () => {
  const fields = new Fields();
  const bytes = block([
    ['a', 'b'],
    ['cd', ''],
  ]);
  const decoder = new HpackDecoder({ maxBytes: 1_000, maxFields: 10 });
  expect(decoder.decode(bytes, 0, bytes.length, fields)).toBe(true);
  expect(fields.bytes.toString('latin1', 0, fields.end)).toBe('a: b\r\ncd: \r\n');
  expect([...fields.at.subarray(0, 8)]).toEqual([0, 1, 3, 4, 6, 8, 10, 10]);
  expect(fields.nameIs(1, 'cd')).toBe(true);
  expect(fields.nameIs(1, 'ce')).toBe(false);
  expect(fields.nameIs(1, 'c')).toBe(false);
});
