import { describe, expect, it } from 'vitest';
import { NO_PIECE } from '../../../../proxy/http/h1/body-relay.ts';
import { RequestBody } from '../../../../proxy/http/request-body.ts';

describe('a request body that is held', () => {
  it('is few parts, however small the pieces were, and what was taken of it before does not change', () => {
    const body = new RequestBody();
    const bytes = Buffer.from('abcdefghij');
    const add = (i: number) => {
      const ranges = Int32Array.of(i, i + 1);
      body.add(bytes, { ...NO_PIECE, done: false, before: '1;', after: ';', ranges, rangeCount: 1 });
    };
    for (let i = 0; i < 5_000; i++) add(i % 10);
    const first = body.parts;
    const text = Array.from({ length: 5_000 }, (_, i) => `1;${'abcdefghij'[i % 10]!};`).join('');
    expect(body.size).toBe(20_000);
    expect(first.length).toBeLessThan(25);
    for (let i = 0; i < 1_000; i++) add(i % 10);
    expect(Buffer.concat(first).toString()).toBe(text);
    expect(Buffer.concat(body.parts).toString()).toBe(text + text.slice(0, 4_000));
    body.drop();
    expect(body.parts).toEqual([]);
  });
});
