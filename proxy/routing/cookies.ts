/**
 * The pairs of a Cookie header (RFC 6265 section 5.4), values as they are: nothing unquoted, nothing decoded.
 * A name sent twice keeps its first value, which browsers send for the more specific path.
 */
export function parseCookies(header: string): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1) continue;
    const name = pair.slice(0, equals).trim();
    if (name !== '' && !cookies.has(name)) cookies.set(name, pair.slice(equals + 1).trim());
  }
  return cookies;
}
