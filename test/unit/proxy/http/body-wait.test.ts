import { describe, expect, it } from 'vitest';
import { BodyWait } from '../../../../proxy/http/body-wait.ts';
import type { RequestHead } from '../../../../proxy/http/h1/request-head.ts';
import type { NeedsBody } from '../../../../proxy/routing/route-table.ts';

const NEEDS: NeedsBody = { kind: 'needs-body', maxBytes: 10, timeoutMs: 1_000 };

/** What it makes of a body that has come in these parts, framed like this. */
function read(body: RequestHead['body'], parts: readonly string[], bytesIn: number, isDone: boolean) {
  const wait = new BodyWait({ body } as RequestHead, NEEDS);
  const said = wait.read({ parts: parts.map((part) => Buffer.from(part)) }, bytesIn, isDone);
  return said instanceof Uint8Array ? Buffer.from(said).toString() : said;
}

describe('a body that is waited for', () => {
  it('says nothing before it is whole, and is its content then', () => {
    expect(read('length', ['{"a"'], 4, false)).toBeUndefined();
    expect(read('length', ['{"a"', ':1}'], 7, true)).toBe('{"a":1}');
  });

  it('is what its chunks hold, wherever the parts were cut', () => {
    expect(read('chunked', ['4\r\n{"a"\r', '\n3\r\n:1}\r\n0\r\n\r\n'], 7, true)).toBe('{"a":1}');
  });

  it('is not gathered before that, however small the pieces are that it comes in', () => {
    const held = {
      get parts(): never {
        throw new Error('gathered too early');
      },
    };
    const wait = new BodyWait({ body: 'length' } as RequestHead, NEEDS);
    expect(wait.read(held, 1, false)).toBeUndefined();
    expect(wait.read(held, 11, true)).toBe('unreadable');
  });

  it('is unreadable as soon as it is over the cap, whole or not', () => {
    expect(read('length', ['x'.repeat(10)], 10, true)).toBe('x'.repeat(10));
    expect(read('length', ['x'.repeat(11)], 11, false)).toBe('unreadable');
    expect(read('length', ['x'.repeat(11)], 11, true)).toBe('unreadable');
  });
});
