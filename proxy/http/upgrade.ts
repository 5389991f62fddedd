import { createHash } from 'node:crypto';
import type { ResponseHead } from './h1/response-head.ts';

/** RFC 6455 section 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Does this 101 answer the very request that carried `key` (RFC 6455 section 4.2.2)? */
export function acceptsWebSocket(head: ResponseHead, key: string): boolean {
  const accept = createHash('sha1').update(`${key.trim()}${WEBSOCKET_GUID}`).digest('base64');
  return head.header('sec-websocket-accept') === accept;
}
