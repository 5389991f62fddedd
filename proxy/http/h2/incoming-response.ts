import { STATUS_CODES } from 'node:http';
import { type Fault, REFUSED } from '../h1/fault.ts';
import { HeaderId } from '../h1/header-id.ts';
import type { HeaderLines } from '../h1/header-lines.ts';
import { MAX_RESPONSE_HEAD_BYTES } from '../h1/limits.ts';
import type { ResponseHead } from '../h1/response-head.ts';
import { FieldText } from './field-text.ts';
import type { Fields } from './hpack/fields.ts';

const STATUS_DIGITS = 3;

const text = new FieldText(MAX_RESPONSE_HEAD_BYTES);

/**
 * Reads the head of a response as strictly as one that comes in HTTP/1.1. What `head` says holds until the next call.
 * Answers why it is refused; undefined: it is not. A body without a length is taken for chunked: it ends by itself, too,
 * perhaps with trailers.
 */
export function readResponse(fields: Fields, method: string, head: ResponseHead): Fault | undefined {
  if (fields.isTooLarge) return 'head_too_large';
  if (fields.count === 0 || !fields.nameIs(0, ':status')) return 'status_line';
  const status = fields.value(0);
  if (status.length !== STATUS_DIGITS) return 'status_line';
  text.begin(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`);
  for (let i = 1; i < fields.count; i++) text.addField(fields, i);
  if (!text.end()) return 'head_too_large';
  if (head.parse(text.bytes, 0, text.length, method) === REFUSED) return head.fault;
  if (!text.isReadAs(head.lines)) return 'value_invalid';
  if (hasConnectionHeader(head.lines)) return 'connection_invalid';
  // Nobody takes a name in a response for another one.
  head.lines.showUnderscores();
  if (head.body === 'until-close') head.body = 'chunked';
  return undefined;
}

/** Fields that are only about one connection: a message that has them is malformed (RFC 9113 section 8.2.2). */
function hasConnectionHeader({ ids, count }: HeaderLines): boolean {
  for (let i = 0; i < count; i++) {
    switch (ids[i]) {
      case HeaderId.Connection:
      case HeaderId.KeepAlive:
      case HeaderId.ProxyConnection:
      case HeaderId.TransferEncoding:
      case HeaderId.Upgrade:
        return true;
      default:
        break;
    }
  }
  return false;
}
