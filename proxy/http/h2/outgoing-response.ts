import type { HeaderEdit } from '../../routing/header-edit.ts';
import { HeaderId } from '../h1/header-id.ts';
import { Fate } from '../h1/header-lines.ts';
import type { ResponseHead } from '../h1/response-head.ts';
import type { Reply } from '../replies.ts';

/** Header fields as node:http2 takes them: name, value, name, value. */
export type Fields = string[];

/** What a client gets that the backend did not send. */
export interface ResponseChanges {
  /** Further complete header lines, such as a Set-Cookie. */
  readonly extra: string;
  readonly edit: HeaderEdit | undefined;
}

const NO_CHANGES: ResponseChanges = { extra: '', edit: undefined };

/** The head of a response as HTTP/2 carries it: without what is about the backend's connection, framing included. */
export function responseFields(head: ResponseHead, { extra, edit } = NO_CHANGES): Fields {
  const { lines } = head;
  const fields: Fields = [':status', String(head.status)];
  for (let i = 0; i < lines.count; i++) {
    if (lines.fates[i] !== Fate.Copied || isFraming(lines.ids[i]!)) continue;
    if (edit === undefined || !lines.isNamed(i, edit.removes)) fields.push(lines.name(i), lines.value(i));
  }
  if (head.isLengthRewritten) fields.push('content-length', String(head.contentLength));
  if (extra !== '') addLines(fields, extra);
  if (edit !== undefined) for (const pair of edit.pairs) fields.push(...pair);
  return fields;
}

function isFraming(id: number): boolean {
  return id === HeaderId.TransferEncoding || id === HeaderId.Http2Settings;
}

/** The head of a response by the proxy itself, whose body is `text`. */
export function replyFields({ status, lines }: Reply, text: string): Fields {
  const fields: Fields = [':status', String(status)];
  if (text !== '') fields.push('content-type', 'text/plain; charset=utf-8');
  fields.push('content-length', String(text.length));
  addLines(fields, lines);
  return fields;
}

/** Interim responses and trailers, as node:http2 takes those. */
export function fieldsObject(fields: Fields): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    const known = object[name];
    if (known === undefined) object[name] = value;
    else if (typeof known === 'string') object[name] = [known, value];
    else known.push(value);
  }
  return object;
}

/** Fields of complete header lines that are known to be valid. */
export function addLines(fields: Fields, lines: string): Fields {
  let pos = 0;
  while (pos < lines.length) {
    const colon = lines.indexOf(':', pos);
    const end = lines.indexOf('\r\n', colon);
    fields.push(lines.slice(pos, colon).toLowerCase(), lines.slice(colon + 1, end).trim());
    pos = end + 2;
  }
  return fields;
}
