import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientHelloReader, type HelloReading } from '../../../../proxy/tls/client-hello.ts';
import { clientHello, extension, inRecords, nameList } from '../../../support/client-hello.ts';

function read(...chunks: readonly Buffer[]): HelloReading {
  const reader = new ClientHelloReader();
  let reading: HelloReading = { kind: 'incomplete' };
  for (const chunk of chunks) {
    reading = reader.add(chunk);
    if (reading.kind !== 'incomplete') break;
  }
  return reading;
}

describe('a ClientHello', () => {
  it('names the server that the client wants, in any case, with a dot at its end or without', () => {
    for (const serverName of ['Shop.Example.COM', 'shop.example.com.']) {
      expect(read(clientHello({ serverName }))).toEqual({ kind: 'hello', serverName: 'shop.example.com' });
    }
    expect(read(clientHello())).toEqual({ kind: 'hello', serverName: undefined });
    expect(read(clientHello({ padding: 10 }))).toEqual({ kind: 'hello', serverName: undefined });
  });

  // CATALOGUE F11, G15
  it('says the same however it comes, in pieces and in records', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 17_500 }),
        fc.integer({ min: 0, max: 17_408 }),
        fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 8 }),
        (recordBytes, padding, cuts) => {
          const hello = clientHello({
            serverName: 'a.example.com',
            padding,
            recordBytes: Math.min(recordBytes, 16_384),
          });
          const at = [0, ...cuts.map((cut) => cut % hello.length).toSorted((a, b) => a - b), hello.length];
          const chunks = at.slice(1).map((end, i) => hello.subarray(at[i], end));
          expect(read(...chunks)).toEqual({ kind: 'hello', serverName: 'a.example.com' });
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });

  it('can be read a byte at a time, in records of one byte', () => {
    const hello = clientHello({ serverName: 'a.example.com', recordBytes: 1 });
    expect(read(...Array.from(hello, (byte) => Buffer.from([byte])))).toMatchObject({
      serverName: 'a.example.com',
    });
  });

  it('is all there again afterwards', () => {
    const reader = new ClientHelloReader();
    const hello = Buffer.concat([clientHello({ serverName: 'a.example.com' }), Buffer.from('early')]);
    reader.add(hello.subarray(0, 7));
    reader.add(hello.subarray(7));
    expect(reader.bytes).toEqual(hello);
  });

  const hello = clientHello({ serverName: 'a.example.com' });
  const refused: readonly (readonly [string, Buffer, 'not_tls' | 'bad_hello'])[] = [
    ['a request in clear', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'not_tls'],
    ['SSL 2', Buffer.from([0x80, 0x2e, 1, 3, 1]), 'not_tls'],
    ['another version of records', Buffer.from([22, 2, 0, 0, 5]), 'not_tls'],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0]), 'bad_hello'],
    ['a record that is too long', Buffer.from([22, 3, 1, 0x40, 1]), 'bad_hello'],
    ['another message', inRecords(Buffer.from([2, 0, 0, 1, 0]), 100), 'bad_hello'],
    [
      'another record in the middle',
      Buffer.concat([
        hello.subarray(0, 0),
        inRecords(Buffer.from([1, 0, 0, 9, 1]), 100),
        Buffer.from([23, 3, 3, 0, 1, 0]),
      ]),
      'bad_hello',
    ],
    // CATALOGUE F11: SNI of 64 KiB
    ['a name of 64 KiB', clientHello({ serverName: 'a'.repeat(65_000) }), 'bad_hello'],
    ['more than 64 KiB', inRecords(Buffer.from([1, 1, 0, 1]), 100), 'bad_hello'],
    ['a name that is none', clientHello({ serverName: 'a b' }), 'bad_hello'],
    ['NUL in its name', clientHello({ serverName: 'a.example.com\0.evil.example' }), 'bad_hello'],
    ['an empty name', clientHello({ serverName: '' }), 'bad_hello'],
    ['an address as its name', clientHello({ serverName: '[::1]' }), 'bad_hello'],
    [
      'two names',
      clientHello({ serverNameExtension: extension(0, nameList('a.example', 'b.example')) }),
      'bad_hello',
    ],
    [
      'its name twice',
      clientHello({ serverName: 'a.example', more: [extension(0, nameList('b.example'))] }),
      'bad_hello',
    ],
    [
      'a name cut short',
      clientHello({ serverNameExtension: extension(0, nameList('a.example').subarray(0, 6)) }),
      'bad_hello',
    ],
    [
      'stray bytes behind its extensions',
      inRecords(
        Buffer.concat([
          Buffer.from([1, 0, 0, 44, 3, 3]),
          Buffer.alloc(32),
          Buffer.from([0, 0, 2, 0x13, 1, 1, 0, 0, 0, 9]),
        ]),
        100,
      ),
      'bad_hello',
    ],
  ];
  it.each(refused)('is refused with %s', (_, bytes, reason) => {
    expect(read(bytes)).toEqual({ kind: 'invalid', reason });
  });

  it('never makes it throw, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
        read(Buffer.concat([Buffer.from([22, 3, 1]), Buffer.from(tail)]));
        read(inRecords(Buffer.concat([Buffer.from([1, 0, 0, tail.length]), Buffer.from(tail)]), 64));
      }),
      { seed: 2, numRuns: 2_000 },
    );
  });
});
