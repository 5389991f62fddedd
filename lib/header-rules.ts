/**
 * Headers that no filter may set, add or remove: framing and hop-by-hop ones are written by the proxy for each
 * connection (RFC 9110 section 7.6.1, RFC 9112 section 6), and the host is changed by a URL rewrite. The CRD refuses the same.
 */
export const FORBIDDEN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible characters, space, tab and bytes above 0x7f; none at the ends (RFC 9110 section 5.5). */
const FIELD_VALUE = /^(?:[!-~\u0080-\u00ff](?:[\t -~\u0080-\u00ff]*[!-~\u0080-\u00ff])?)?$/;

/** May a filter name this header? In any case. */
export function isChangeableHeader(name: string): boolean {
  return TOKEN.test(name) && !FORBIDDEN_HEADERS.has(name.toLowerCase());
}

/** Can this text stand in a header line as it is? */
export function isFieldValue(value: string): boolean {
  return FIELD_VALUE.test(value);
}
