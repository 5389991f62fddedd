import { COLON, CR, LF, SP } from '../h1/byte-class.ts';
import { HeaderId, headerIdOf } from '../h1/header-id.ts';
import type { HpackEncoder } from './hpack/encoder.ts';

export type Scheme = 'http' | 'https';

const VERSION = ' HTTP/1.1\r\n';

/** What stands before the head in its buffer: an encoder takes names and values out of the same bytes. */
const PSEUDO = ':method:scheme:authority:pathhttps';
const METHOD = [PSEUDO.indexOf(':method'), PSEUDO.indexOf(':scheme')] as const;
const SCHEME = [PSEUDO.indexOf(':scheme'), PSEUDO.indexOf(':authority')] as const;
const AUTHORITY = [PSEUDO.indexOf(':authority'), PSEUDO.indexOf(':path')] as const;
const PATH = [PSEUDO.indexOf(':path'), PSEUDO.indexOf('https')] as const;
const HEAD_START = PSEUDO.length;

/** Of each line: start and end of the name and of the value, and its `HeaderId`. */
const LINE_NUMBERS = 5;

/** For one head after the other; larger ones when they come. */
let bytes = withPseudo(16_384);
let lines = new Int32Array(128 * LINE_NUMBERS);

/**
 * Writes the head of a request that we have written for HTTP/1.1 as a field section (RFC 9113 section 8.3.1). The text
 * is known to be valid, and its only hop-by-hop lines are ours. Answers whether the body that follows it is in chunks.
 */
export function writeRequest(encoder: HpackEncoder, head: string, scheme: Scheme): boolean {
  if (HEAD_START + head.length > bytes.length) bytes = withPseudo(HEAD_START + head.length * 2);
  bytes.write(head, HEAD_START, 'latin1');
  const methodEnd = HEAD_START + head.indexOf(' ');
  const targetEnd = HEAD_START + head.indexOf(VERSION);
  const count = readLines(targetEnd + VERSION.length);
  const schemeStart = HEAD_START - 'https'.length;
  encoder.line(bytes, METHOD[0], METHOD[1], HEAD_START, methodEnd);
  encoder.line(bytes, SCHEME[0], SCHEME[1], schemeStart, schemeStart + scheme.length);
  writeAuthority(encoder, count);
  encoder.line(bytes, PATH[0], PATH[1], methodEnd + 1, targetEnd);
  return writeFields(encoder, count);
}

/** Finds the lines that start at `pos`. Answers how many there are. */
function readLines(pos: number): number {
  let i = 0;
  for (; bytes[pos] !== CR; i += LINE_NUMBERS) {
    if (i === lines.length) lines = enlarged(lines);
    lines[i] = pos;
    while (bytes[pos] !== COLON) pos++;
    lines[i + 1] = pos;
    lines[i + 4] = headerIdOf(bytes, lines[i]!, pos);
    do pos++;
    while (bytes[pos] === SP);
    lines[i + 2] = pos;
    while (bytes[pos] !== LF) pos++;
    let valueEnd = pos - 1;
    while (valueEnd > lines[i + 2]! && bytes[valueEnd - 1] === SP) valueEnd--;
    lines[i + 3] = valueEnd;
    pos++;
  }
  return i / LINE_NUMBERS;
}

function writeAuthority(encoder: HpackEncoder, count: number): void {
  for (let i = 0; i < count * LINE_NUMBERS; i += LINE_NUMBERS) {
    if (lines[i + 4] !== HeaderId.Host) continue;
    encoder.line(bytes, AUTHORITY[0], AUTHORITY[1], lines[i + 2]!, lines[i + 3]!);
    return;
  }
}

function writeFields(encoder: HpackEncoder, count: number): boolean {
  let isChunked = false;
  for (let i = 0; i < count * LINE_NUMBERS; i += LINE_NUMBERS) {
    switch (lines[i + 4]) {
      case HeaderId.TransferEncoding:
        isChunked = true;
        break;
      // About one connection, or said otherwise in HTTP/2 (RFC 9113 section 8.2.2).
      case HeaderId.Host:
      case HeaderId.Connection:
      case HeaderId.KeepAlive:
      case HeaderId.ProxyConnection:
      case HeaderId.Upgrade:
        break;
      default:
        encoder.line(bytes, lines[i]!, lines[i + 1]!, lines[i + 2]!, lines[i + 3]!);
    }
  }
  return isChunked;
}

function withPseudo(size: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(size);
  buffer.write(PSEUDO, 'latin1');
  return buffer;
}

function enlarged(full: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(full.length * 2);
  larger.set(full);
  return larger;
}
