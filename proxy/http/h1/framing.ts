import type { Fault } from './fault.ts';
import type { HeaderLines } from './header-lines.ts';

/** Codings that a Transfer-Encoding may carry before `chunked` (RFC 9112 section 7), which the proxy does not relay. */
const COMPRESSED =
  /^(?:(?:x-)?(?:gzip|compress)|deflate)(?:[ \t]*,[ \t]*(?:(?:x-)?(?:gzip|compress)|deflate))*[ \t]*,[ \t]*chunked$/i;

/** The largest length that is exact in a double has 16 digits; 15 are a petabyte. */
const MAX_LENGTH_DIGITS = 15;

/** The value of Content-Length line `i`: digits alone, without leading zeros. -1 for anything else. */
export function readContentLength(lines: HeaderLines, i: number): number {
  const start = lines.base + lines.valueStart(i);
  const end = lines.base + lines.valueEnd(i);
  const { bytes } = lines;
  if (start === end || end - start > MAX_LENGTH_DIGITS) return -1;
  if (bytes[start] === 0x30 && end - start > 1) return -1;
  let length = 0;
  for (let pos = start; pos < end; pos++) {
    const digit = bytes[pos]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

/** Undefined when Transfer-Encoding line `i` is `chunked` and nothing else, which is all that is relayed. */
export function transferEncodingFault(lines: HeaderLines, i: number): Fault | undefined {
  if (lines.valueIs(i, 'chunked')) return undefined;
  return COMPRESSED.test(lines.value(i)) ? 'te_unsupported' : 'te_invalid';
}
