/** A request's head as HTTP/2 has it. */
export interface OutgoingRequest {
  /** Name, value, name, value; the pseudo-header fields first. */
  readonly list: string[];
  /** The body that follows the head's text is in chunks. */
  readonly isChunked: boolean;
}

const REQUEST_LINE = ' HTTP/1.1\r\n';

/** What is about one connection, or is said otherwise in HTTP/2 (RFC 9113 section 8.2.2). */
const LEFT_OUT: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade']);

/**
 * Turns the head of a request that we have written for HTTP/1.1 into a field list (RFC 9113 section 8.3.1). The text is
 * known to be valid, and its only hop-by-hop lines are ours.
 */
export function outgoingRequest(head: string, scheme: 'http' | 'https'): OutgoingRequest {
  const methodEnd = head.indexOf(' ');
  const targetEnd = head.indexOf(REQUEST_LINE, methodEnd + 1);
  const list = [
    ':method',
    head.slice(0, methodEnd),
    ':scheme',
    scheme,
    ':authority',
    '',
    ':path',
    head.slice(methodEnd + 1, targetEnd),
  ];
  let isChunked = false;
  let start = targetEnd + REQUEST_LINE.length;
  for (let end = head.indexOf('\r\n', start); end > start; end = head.indexOf('\r\n', start)) {
    const nameEnd = head.indexOf(':', start);
    const name = head.slice(start, nameEnd).toLowerCase();
    const value = head.slice(nameEnd + 1, end).trim();
    start = end + 2;
    if (name === 'host') list[5] = value;
    else if (name === 'transfer-encoding') isChunked = true;
    else if (!LEFT_OUT.has(name)) list.push(name, value);
  }
  return { list, isChunked };
}
