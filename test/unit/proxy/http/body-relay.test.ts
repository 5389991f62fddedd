import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BodyFraming,
  BodyRelay,
  sharedRanges,
  UNANNOUNCED,
} from '../../../../proxy/http/h1/body-relay.ts';
import { ChunkedDecoder } from '../../../../proxy/http/h1/chunked-decoder.ts';
import { REFUSED } from '../../../../proxy/http/h1/fault.ts';

/** What comes out of a relay that is fed these parts, and `trailers` at the end; behind `|` what it left. */
function relayed(
  from: BodyFraming,
  length: number,
  to: BodyFraming,
  parts: readonly string[],
  trailers?: string,
): string {
  const relay = new BodyRelay(sharedRanges());
  relay.reset(from, length, to);
  let out = '';
  const take = (bytes: Buffer) => {
    out += relay.before;
    for (let i = 0; i < relay.rangeCount; i++) {
      out += bytes.toString('latin1', relay.ranges[i * 2], relay.ranges[i * 2 + 1]);
    }
    out += relay.after;
  };
  let left = '';
  for (const part of parts) {
    const bytes = Buffer.from(part, 'latin1');
    let pos = 0;
    while (pos < bytes.length) {
      const taken = relay.read(bytes, pos, bytes.length);
      if (taken === REFUSED) return `${out}!${relay.fault}`;
      take(bytes);
      pos += taken;
      if (relay.done) break;
    }
    left += part.slice(pos);
  }
  if (!relay.done && relay.end(trailers)) take(Buffer.alloc(0));
  return relay.done ? `${out}|${left}${relay.trailers}` : `${out}…`;
}

describe('BodyRelay', () => {
  it('takes as much as was announced, and leaves the rest', () => {
    expect(relayed('length', 5, 'length', ['he', 'llo, world'])).toBe('hello|, world');
    expect(relayed('length', 5, 'length', ['he'])).toBe('he…');
  });

  it('has nothing to take where there is no body', () => {
    const relay = new BodyRelay(sharedRanges());
    relay.reset('none', 0, 'none');
    expect(relay.done).toBe(true);
    expect(relay.read(Buffer.from('x'), 0, 1)).toBe(0);
    relay.reset('length', 0, 'length');
    expect(relay.done).toBe(true);
  });

  it('passes chunks on without their extensions', () => {
    expect(relayed('chunked', 0, 'chunked', ['5;a=b\r\nhel', 'lo\r\n0\r\n\r\nGET'])).toBe(
      '5\r\nhello\r\n0\r\n\r\n|GET',
    );
  });

  it('unpacks chunks for those who do not know them', () => {
    expect(relayed('chunked', 0, 'until-close', ['5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n'])).toBe('hello!|');
  });

  it('makes chunks of a body that ends with its connection', () => {
    expect(relayed('until-close', 0, 'chunked', ['hello', 'x'.repeat(16)])).toBe(
      `5\r\nhello\r\n10\r\n${'x'.repeat(16)}\r\n0\r\n\r\n|`,
    );
    expect(relayed('until-close', 0, 'until-close', ['hello'])).toBe('hello|');
  });

  it('takes frames until it is told of their end', () => {
    expect(relayed('frames', UNANNOUNCED, 'frames', ['hello', ', world'])).toBe('hello, world|');
    expect(relayed('frames', UNANNOUNCED, 'chunked', ['hello', '!'])).toBe(
      '5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n|',
    );
    expect(relayed('frames', UNANNOUNCED, 'chunked', [])).toBe('0\r\n\r\n|');
  });

  // E12
  it('holds frames to the length that was announced', () => {
    expect(relayed('frames', 5, 'length', ['he', 'llo'])).toBe('hello|');
    expect(relayed('frames', 5, 'length', ['he'])).toBe('he…');
    expect(relayed('frames', 5, 'length', ['he', 'llo!'])).toBe('he!cl_mismatch');
    expect(relayed('frames', 0, 'length', [])).toBe('|');
    expect(relayed('frames', 0, 'length', ['x'])).toBe('!cl_mismatch');
  });

  it('carries trailers from chunks to frames and back', () => {
    const trailer = 'checksum: 1\r\n';
    expect(relayed('chunked', 0, 'frames', [`5\r\nhello\r\n0\r\n${trailer}\r\n`])).toBe(`hello|${trailer}`);
    expect(relayed('chunked', 0, 'chunked', [`0\r\n${trailer}\r\n`])).toBe(`0\r\n${trailer}\r\n|${trailer}`);
    expect(relayed('frames', UNANNOUNCED, 'chunked', ['hello'], trailer)).toBe(
      `5\r\nhello\r\n0\r\n${trailer}\r\n|${trailer}`,
    );
    expect(relayed('frames', UNANNOUNCED, 'frames', ['hello'], trailer)).toBe(`hello|${trailer}`);
  });

  it('lets trailers go where there is no room for them', () => {
    expect(relayed('frames', UNANNOUNCED, 'until-close', ['hello'], 'checksum: 1\r\n')).toBe(
      'hello|checksum: 1\r\n',
    );
  });

  it('forgets the trailers of the body before', () => {
    const relay = new BodyRelay(sharedRanges());
    relay.reset('frames', UNANNOUNCED, 'frames');
    relay.end('checksum: 1\r\n');
    relay.reset('frames', UNANNOUNCED, 'frames');
    expect(relay.end()).toBe(true);
    expect(relay.trailers).toBe('');
  });

  // A18
  it('holds back trailers that decide on something', () => {
    const trailers = 'content-length: 9\r\nauthorization: x\r\nx-forwarded-for: 192.0.2.1\r\nhost: a\r\n';
    expect(relayed('chunked', 0, 'frames', [`1\r\n!\r\n0\r\n${trailers}ok: 1\r\n\r\n`])).toBe('!|ok: 1\r\n');
  });

  it('says what is wrong', () => {
    expect(relayed('chunked', 0, 'chunked', ['0x5\r\n'])).toBe('!chunk_size');
  });

  it('puts out the same content however the input is split', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 20, unit: 'binary-ascii' }), { maxLength: 10 }),
        fc.array(fc.nat(30), { maxLength: 20 }),
        (chunks, splits) => {
          const content = chunks.join('');
          const framed = `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;
          const parts: string[] = [];
          let pos = 0;
          for (const size of splits) {
            parts.push(framed.slice(pos, pos + size));
            pos += size;
          }
          parts.push(framed.slice(pos));
          const input = parts.filter((part) => part !== '');
          expect(relayed('chunked', 0, 'until-close', input)).toBe(`${content}|`);
          const out = relayed('chunked', 0, 'chunked', input);
          const bytes = Buffer.from(out.slice(0, -1), 'latin1');
          const decoder = new ChunkedDecoder('content');
          expect(decoder.decode(bytes, 0, bytes.length)).toBe(bytes.length);
          expect(decoder.contentBytes).toBe(content.length);
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });
});
