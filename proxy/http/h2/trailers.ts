import { HeaderLines } from '../h1/header-lines.ts';
import { MAX_TRAILER_BYTES } from '../h1/limits.ts';
import { passedOn } from '../h1/trailers.ts';
import { FieldText } from './field-text.ts';

const written = new FieldText();
const lines = new HeaderLines();
const bytes = Buffer.allocUnsafeSlow(MAX_TRAILER_BYTES);

/**
 * The trailers of an HTTP/2 message as lines that may be passed on, by the rules for those of chunked bodies (A18).
 * Undefined: they are malformed, or too large, and so the message is.
 *
 * @param fields name, value, name, value, as they came
 * @param from who sent them: names with an underscore are passed on to clients alone
 */
export function trailerLines(
  fields: readonly string[],
  from: 'client' | 'backend' = 'client',
): string | undefined {
  written.begin('');
  for (let i = 0; i < fields.length; i += 2) written.add(fields[i]!, fields[i + 1]!);
  const text = `${written.text}\r\n`;
  if (text.length > bytes.length) return undefined;
  const end = bytes.write(text, 0, 'latin1');
  if (lines.parse(bytes, 0, 0, end) !== end || !written.isReadAs(lines)) return undefined;
  if (from === 'backend') lines.showUnderscores();
  return passedOn(lines);
}
