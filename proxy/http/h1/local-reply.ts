import { STATUS_CODES } from 'node:http';
import { PLAIN_TEXT } from '../replies.ts';

export interface LocalReply {
  readonly status: number;
  /** One sentence for the client, ASCII, never what was received; with `contentType` the body as it is. */
  readonly text: string;
  readonly contentType?: string | undefined;
  /** Further complete header lines: `Retry-After: 1\r\n`. */
  readonly lines?: string;
  /** Of the request; HEAD gets no body. */
  readonly method: string;
  /** 0 or 1 of the client's `HTTP/1.x`. */
  readonly minorVersion: number;
  readonly keepAlive: boolean;
}

/** A whole response made by the proxy itself, as latin1 text. */
export function writeLocalReply(reply: LocalReply): string {
  const { status, text, contentType, method } = reply;
  const body = contentType === undefined ? lineOf(text) : Buffer.from(text).toString('latin1');
  const connection = reply.keepAlive ? keepAliveLine(reply.minorVersion) : 'Connection: close\r\n';
  const type = body === '' ? '' : `Content-Type: ${contentType ?? PLAIN_TEXT}\r\n`;
  // RFC 9110 section 8.6: not with these, which never have a body.
  const length = status === 204 || status === 304 ? '' : `Content-Length: ${body.length}\r\n`;
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${type}` +
    `${length}${reply.lines ?? ''}${connection}\r\n${method === 'HEAD' ? '' : body}`
  );
}

function lineOf(text: string): string {
  return text === '' ? '' : `${text}\n`;
}

function keepAliveLine(minorVersion: number): string {
  return minorVersion === 0 ? 'Connection: keep-alive\r\n' : '';
}

/** What a client that waits for it gets before it sends the body. */
export const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
