import type { HeaderEdit } from '../../routing/header-edit.ts';
import { HeaderId } from '../h1/header-id.ts';
import { Fate } from '../h1/header-lines.ts';
import type { ResponseHead } from '../h1/response-head.ts';
import { PLAIN_TEXT, type Reply } from '../replies.ts';
import type { HpackEncoder } from './hpack/encoder.ts';

/** Writes the head of a response as HTTP/2 carries it: without what is about the backend's connection, framing included. */
export function writeResponse(encoder: HpackEncoder, head: ResponseHead, edit?: HeaderEdit): void {
  const { lines } = head;
  const { bytes, base } = lines;
  encoder.status(head.status);
  for (let i = 0; i < lines.count; i++) {
    if (lines.fates[i] !== Fate.Copied || isFraming(lines.ids[i]!)) continue;
    if (edit !== undefined && lines.isNamed(i, edit.removes)) continue;
    encoder.line(
      bytes,
      base + lines.lineStart(i),
      base + lines.nameEnd(i),
      base + lines.valueStart(i),
      base + lines.valueEnd(i),
    );
  }
  if (head.isLengthRewritten) encoder.field('content-length', String(head.contentLength));
  if (edit !== undefined) for (const [name, value] of edit.pairs) encoder.field(name, value);
}

function isFraming(id: number): boolean {
  return id === HeaderId.TransferEncoding || id === HeaderId.Http2Settings;
}

/** Writes the head of a response by the proxy itself. @param content of its body */
export function writeReply(
  encoder: HpackEncoder,
  { status, contentType, lines }: Reply,
  content: Buffer,
): void {
  encoder.status(status);
  if (content.length > 0) encoder.field('content-type', contentType ?? PLAIN_TEXT);
  // RFC 9110 section 8.6: not with these, which never have a body.
  if (status !== 204 && status !== 304) encoder.field('content-length', String(content.length));
  encoder.lines(lines);
}

/** What a reply says: a line for a person, or what was configured as it is. */
export function contentOf({ text, contentType }: Reply): Buffer {
  if (contentType !== undefined) return Buffer.from(text);
  return text === '' ? NOTHING : Buffer.from(`${text}\n`, 'latin1');
}

const NOTHING = Buffer.alloc(0);
