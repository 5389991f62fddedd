import { STATUS_CODES } from 'node:http';
import { type Fault, REFUSED } from '../h1/fault.ts';
import { MAX_RESPONSE_HEAD_BYTES } from '../h1/limits.ts';
import type { ResponseHead } from '../h1/response-head.ts';
import { FieldText } from './field-text.ts';

/** Only about one connection: a message that has them is malformed (RFC 9113 section 8.2.2). */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const written = new FieldText();
const bytes = Buffer.allocUnsafeSlow(MAX_RESPONSE_HEAD_BYTES);

/**
 * Reads the head of a response as strictly as one that comes in HTTP/1.1. What `head` says holds until the next call.
 * Answers why it is refused; undefined: it is not. A body without a length is taken for chunked: it ends by itself, too,
 * perhaps with trailers.
 *
 * @param fields name, value, name, value, as they came
 */
export function readResponse(
  fields: readonly string[],
  method: string,
  head: ResponseHead,
): Fault | undefined {
  const [name, status = ''] = fields;
  if (name !== ':status') return 'status_line';
  written.begin(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`);
  for (let i = 2; i < fields.length; i += 2) {
    if (CONNECTION_SPECIFIC.has(fields[i]!)) return 'connection_invalid';
    written.add(fields[i]!, fields[i + 1]!);
  }
  const text = `${written.text}\r\n`;
  if (text.length > bytes.length) return 'head_too_large';
  const end = bytes.write(text, 0, 'latin1');
  if (head.parse(bytes, 0, end, method) === REFUSED) return head.fault;
  if (!written.isReadAs(head.lines)) return 'value_invalid';
  // Nobody takes a name in a response for another one.
  head.lines.showUnderscores();
  if (head.body === 'until-close') head.body = 'chunked';
  return undefined;
}
