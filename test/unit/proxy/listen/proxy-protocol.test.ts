import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../../proxy/listen/crc32c.ts';
import {
  formatProxyHeader,
  MAX_V2_BYTES,
  parseProxyHeader,
  type Parties,
} from '../../../../proxy/listen/proxy-protocol.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function line(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A version 2 header with this body. */
function v2(command: number, kind: number, body: Buffer, length = body.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([command, kind, length >> 8, length & 255]), body]);
}

function tlv(type: number, value: Buffer, length = value.length): Buffer {
  return Buffer.concat([Buffer.from([type, length >> 8, length & 255]), value]);
}

/** 192.0.2.1:40000 to 198.51.100.2:443. */
const V4 = Buffer.from('c0000201c63364029c4001bb', 'hex');
const V4_PARTIES: Parties = {
  source: { address: '192.0.2.1', port: 40_000 },
  destination: { address: '198.51.100.2', port: 443 },
};
/** [2001:db8::1]:40000 to [2001:db8::2]:443. */
const V6 = Buffer.from('20010db800000000000000000000000120010db80000000000000000000000029c4001bb', 'hex');
const V6_PARTIES: Parties = {
  source: { address: '2001:db8::1', port: 40_000 },
  destination: { address: '2001:db8::2', port: 443 },
};

function withChecksum(kind: number, addresses: Buffer, more: Buffer = Buffer.alloc(0)): Buffer {
  const header = v2(0x21, kind, Buffer.concat([addresses, tlv(3, Buffer.alloc(4)), more]));
  header.writeUInt32BE(crc32c(header), 16 + addresses.length + 3);
  return header;
}

describe('crc32c', () => {
  it('gives the check value of the algorithm', () => {
    expect(crc32c(line('123456789'))).toBe(0xe3069283);
  });
});

describe('parseProxyHeader', () => {
  // G01
  it.each([
    ['v1 TCP4', line('PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\n'), V4_PARTIES],
    ['v1 TCP6', line('PROXY TCP6 2001:db8::1 2001:DB8:0::2 40000 443\r\n'), V6_PARTIES],
    ['v1 UNKNOWN', line('PROXY UNKNOWN\r\n'), undefined],
    ['v1 UNKNOWN with more', line('PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n'), undefined],
    ['v2 TCP4', v2(0x21, 0x11, V4), V4_PARTIES],
    ['v2 TCP6', v2(0x21, 0x21, V6), V6_PARTIES],
    ['v2 LOCAL', v2(0x20, 0x00, Buffer.alloc(0)), undefined],
    ['v2 LOCAL with addresses', v2(0x20, 0x11, V4), undefined],
    ['v2 unspecified', v2(0x21, 0x00, Buffer.alloc(9)), undefined],
    ['v2 unspecified with a field', v2(0x21, 0x00, tlv(4, Buffer.alloc(9))), undefined],
    ['v2 UDP4', v2(0x21, 0x12, V4), undefined],
    ['v2 Unix', v2(0x21, 0x31, Buffer.alloc(216)), undefined],
    [
      'v2 fields',
      v2(0x21, 0x11, Buffer.concat([V4, tlv(0xe0, line('x')), tlv(4, Buffer.alloc(0))])),
      V4_PARTIES,
    ],
    ['v2 with its checksum', withChecksum(0x11, V4, tlv(2, line('host'))), V4_PARTIES],
  ])('reads %s', (_, header, parties) => {
    const payload = line('GET / HTTP/1.1\r\n');
    expect(parseProxyHeader(header)).toEqual({ kind: 'header', length: header.length, parties });
    expect(parseProxyHeader(Buffer.concat([header, payload]))).toEqual({
      kind: 'header',
      length: header.length,
      parties,
    });
  });

  it('takes an IPv4-mapped address for its IPv4 address', () => {
    const mapped = parseProxyHeader(line('PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 40000 443\r\n'));
    expect(mapped).toMatchObject({ parties: V4_PARTIES });
  });

  // G02
  it.each([
    ['version 1 in the binary format', v2(0x11, 0x11, V4)],
    ['command 2', v2(0x22, 0x11, V4)],
    ['family 4', v2(0x21, 0x41, V4)],
    ['transport 3', v2(0x21, 0x13, V4)],
    ['addresses cut short', v2(0x21, 0x11, V4.subarray(0, 11))],
    ['IPv6 in the room of IPv4', v2(0x21, 0x21, V4)],
    ['a Unix address cut short', v2(0x21, 0x31, Buffer.alloc(215))],
    ['length 65,535', v2(0x21, 0x11, V4, 65_535)],
    ['one byte more than is taken', v2(0x21, 0x11, V4, MAX_V2_BYTES - 15)],
    ['a field past the end', v2(0x21, 0x11, Buffer.concat([V4, tlv(4, line('abc'), 4)]))],
    ['a stray byte', v2(0x21, 0x11, Buffer.concat([V4, Buffer.from([4])]))],
    ['two stray bytes behind a field', v2(0x21, 0x11, Buffer.concat([V4, tlv(4, line('a')), line('ab')]))],
    ['a checksum of three bytes', v2(0x21, 0x11, Buffer.concat([V4, tlv(3, Buffer.alloc(3))]))],
    ['a wrong checksum', v2(0x21, 0x11, Buffer.concat([V4, tlv(3, Buffer.alloc(4))]))],
  ])('refuses v2 with %s', (_, header) => {
    expect(parseProxyHeader(header).kind).toBe('invalid');
  });

  // G05
  it.each([
    ['more than 107 bytes', line(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`)],
    ['107 bytes and no end', line(`PROXY UNKNOWN ${'x'.repeat(93)}`)],
    ['an octal address', line('PROXY TCP4 0300.0.2.1 198.51.100.2 1 2\r\n')],
    ['a leading zero in an address', line('PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n')],
    ['a leading zero in a port', line('PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n')],
    ['a port above 65,535', line('PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n')],
    ['a short address', line('PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n')],
    ['LF only', line('PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n')],
    ['two spaces', line('PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n')],
    ['a space at the end', line('PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n')],
    ['no ports', line('PROXY TCP4 192.0.2.1 198.51.100.2\r\n')],
    ['IPv6 named TCP4', line('PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n')],
    ['IPv4 named TCP6', line('PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n')],
    ['an address with a zone', line('PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n')],
    ['a lower-case family', line('PROXY tcp4 192.0.2.1 198.51.100.2 1 2\r\n')],
    ['UDP4', line('PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n')],
    ['UNKNOWN glued to more', line('PROXY UNKNOWNX\r\n')],
    ['a second line for the first one’s end', line('PROXY TCP4 192.0.2.1\r\n')],
  ])('refuses v1 with %s', (_, header) => {
    expect(parseProxyHeader(header).kind).toBe('invalid');
  });

  it.each(['GET / HTTP/1.1\r\n', 'proxy ', 'PROXYX', '\r\n\r\nX', '\x16\x03\x01', 'PRI * HTTP/2.0\r\n'])(
    'finds no header in %j',
    (text) => {
      expect(parseProxyHeader(line(text)).kind).toBe('absent');
    },
  );

  // G02
  it('takes a broken signature for the client’s own bytes', () => {
    const header = v2(0x21, 0x11, V4);
    header[11] = 0x0b;
    expect(parseProxyHeader(header).kind).toBe('absent');
  });

  // G03
  it('waits for the rest, wherever the header is cut', () => {
    const address = fc.oneof(fc.constant(V4_PARTIES), fc.constant(V6_PARTIES), fc.constant(undefined));
    const version = fc.constantFrom('V1' as const, 'V2' as const);
    fc.assert(
      fc.property(version, address, fc.uint8Array({ maxLength: 40 }), (version, parties, payload) => {
        const header = formatProxyHeader(version, parties);
        for (let cut = 0; cut < header.length; cut++) {
          expect(parseProxyHeader(header.subarray(0, cut)).kind).toBe('incomplete');
        }
        const whole = parseProxyHeader(Buffer.concat([header, payload]));
        expect(whole).toEqual({ kind: 'header', length: header.length, parties });
      }),
    );
  });

  it('reads back whatever it writes', () => {
    const port = fc.nat({ max: 65_535 });
    const v4 = fc.ipV4();
    const v6 = fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((bytes) =>
        Buffer.from(bytes)
          .toString('hex')
          .replaceAll(/(.{4})(?!$)/g, '$1:'),
      )
      .filter((text) => !text.startsWith('0000:0000:0000:0000:0000:ffff'));
    const parties = fc.oneof(fc.tuple(v4, v4, port, port), fc.tuple(v6, v6, port, port));
    fc.assert(
      fc.property(parties, ([source, destination, sourcePort, destinationPort]) => {
        const given = {
          source: { address: source, port: sourcePort },
          destination: { address: destination, port: destinationPort },
        };
        const [first, second] = (['V1', 'V2'] as const).map((version) =>
          parseProxyHeader(formatProxyHeader(version, given)),
        );
        expect(first).toMatchObject({ kind: 'header', parties: { source: { port: sourcePort } } });
        expect(second).toMatchObject({ kind: 'header' });
        expect((first as { parties: Parties }).parties).toEqual((second as { parties: Parties }).parties);
        const again = formatProxyHeader('V2', (first as { parties: Parties }).parties);
        expect(again.equals(formatProxyHeader('V2', given))).toBe(true);
      }),
    );
  });

  it('decides about any bytes at all without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, signed) => {
        const input = signed ? Buffer.concat([SIGNATURE, bytes]) : Buffer.from(bytes);
        const header = parseProxyHeader(input);
        expect(['incomplete', 'absent', 'invalid', 'header']).toContain(header.kind);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('formatProxyHeader', () => {
  it('says LOCAL or UNKNOWN where families differ or nobody is known', () => {
    const mixed = { source: V4_PARTIES.source, destination: V6_PARTIES.destination };
    for (const parties of [mixed, undefined]) {
      expect(formatProxyHeader('V1', parties).toString()).toBe('PROXY UNKNOWN\r\n');
      expect(formatProxyHeader('V2', parties).equals(v2(0x20, 0, Buffer.alloc(0)))).toBe(true);
    }
  });

  it('writes what the specification shows', () => {
    expect(formatProxyHeader('V1', V4_PARTIES).toString()).toBe(
      'PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\n',
    );
    expect(formatProxyHeader('V2', V4_PARTIES).equals(v2(0x21, 0x11, V4))).toBe(true);
    expect(formatProxyHeader('V2', V6_PARTIES).equals(v2(0x21, 0x21, V6))).toBe(true);
  });
});
