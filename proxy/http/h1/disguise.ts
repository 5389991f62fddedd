import { CLASS, CR, LF, SP, TAB, TOKEN } from './byte-class.ts';

/**
 * Could a server that ignores this body take it for the next request? True for what begins with a word and a space,
 * or may yet: a method, perhaps after empty lines. Documents do not (`{"a":1}`, `a=b`, `--boundary`), few texts do.
 *
 * Such a body is forwarded like any other, but the connection that it went on is not used again: the answer to a
 * smuggled request (known as CL.0) would be taken for the answer to somebody else's.
 */
export function mayBeRequest(bytes: Buffer, start: number, end: number): boolean {
  let pos = start;
  while (pos < end && isSpace(bytes[pos]!)) pos++;
  const word = pos;
  while (pos < end && (CLASS[bytes[pos]!]! & TOKEN) !== 0) pos++;
  return pos === end || (pos > word && (bytes[pos] === SP || bytes[pos] === TAB));
}

function isSpace(byte: number): boolean {
  return byte === CR || byte === LF || byte === SP || byte === TAB;
}
