import { HeaderLines } from '../h1/header-lines.ts';
import { MAX_TRAILER_BYTES } from '../h1/limits.ts';
import { passedOn } from '../h1/trailers.ts';
import { FieldText } from './field-text.ts';
import type { Fields } from './hpack/fields.ts';

const text = new FieldText(MAX_TRAILER_BYTES);
const lines = new HeaderLines();

/**
 * The trailers of an HTTP/2 message as lines that may be passed on, by the rules for those of chunked bodies (A18).
 * Undefined: they are malformed, or too large, and so the message is.
 *
 * @param from who sent them: names with an underscore are passed on to clients alone
 */
export function readTrailers(fields: Fields, from: 'client' | 'backend'): string | undefined {
  if (fields.isTooLarge) return undefined;
  text.begin('');
  for (let i = 0; i < fields.count; i++) text.addField(fields, i);
  if (!text.end()) return undefined;
  if (lines.parse(text.bytes, 0, 0, text.length) !== text.length || !text.isReadAs(lines)) return undefined;
  if (from === 'backend') lines.showUnderscores();
  return passedOn(lines);
}
