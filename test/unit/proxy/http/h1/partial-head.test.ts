import { describe, expect, it } from 'vitest';
import { PartialHead } from '../../../../../proxy/http/h1/partial-head.ts';

function addBytewise(text: string): { partial: PartialHead; parsedAt: number[] } {
  const partial = new PartialHead(16);
  const bytes = Buffer.from(text);
  const parsedAt: number[] = [];
  for (let i = 0; i < bytes.length; i++) if (partial.add(bytes, i, i + 1)) parsedAt.push(i + 1);
  return { partial, parsedAt };
}

describe('PartialHead', () => {
  it('holds what was added, in order', () => {
    const { partial } = addBytewise('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(partial.bytes.toString('latin1', 0, partial.length)).toBe('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  });

  // A35
  it('asks for a parse when the head may be complete, and else only when its length has doubled', () => {
    const text = `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(8_000)}\r\n\r\n`;
    const { parsedAt } = addBytewise(text);
    expect(parsedAt.at(-1)).toBe(text.length);
    expect(parsedAt.length).toBeLessThan(16);
  });

  // A13
  it('asks for a parse at a line end that is bare', () => {
    const text = 'GET / HTTP/1.1\r\nHost: a\nX-A: 1';
    expect(addBytewise(text).parsedAt).toContain(text.indexOf('\nX') + 1);
  });

  it('sees an empty line that came in two pieces', () => {
    const partial = new PartialHead();
    expect(partial.add(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n'), 0, 25)).toBe(true);
    expect(partial.add(Buffer.from('\r'), 0, 1)).toBe(false);
    expect(partial.add(Buffer.from('\nrest'), 0, 5)).toBe(true);
  });
});
