/**
 * Value of one cookie in a Cookie header (RFC 6265 section 5.4), as it is: nothing unquoted, nothing decoded. Of a name
 * sent twice the first counts, which browsers send for the more specific path.
 */
export function cookieValue(header: string, name: string): string | undefined {
  for (let at = 0; at < header.length;) {
    let end = header.indexOf(';', at);
    if (end === -1) end = header.length;
    const start = skipBlanks(header, at);
    if (header.startsWith(name, start)) {
      const equals = skipBlanks(header, start + name.length);
      if (equals < end && header.charCodeAt(equals) === EQUALS) return header.slice(equals + 1, end).trim();
    }
    at = end + 1;
  }
  return undefined;
}

const TAB = 9;
const SPACE = 32;
const EQUALS = 61;

function skipBlanks(header: string, at: number): number {
  while (header.charCodeAt(at) === SPACE || header.charCodeAt(at) === TAB) at++;
  return at;
}
