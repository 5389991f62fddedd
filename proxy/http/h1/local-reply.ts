import { STATUS_CODES } from 'node:http';

export interface LocalReply {
  readonly status: number;
  /** One sentence for the client, ASCII; never what was received. */
  readonly text: string;
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
  const { status, text, method } = reply;
  const body = text === '' ? '' : `${text}\n`;
  const connection = reply.keepAlive ? keepAliveLine(reply.minorVersion) : 'Connection: close\r\n';
  const type = body === '' ? '' : 'Content-Type: text/plain; charset=utf-8\r\n';
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${type}` +
    `Content-Length: ${body.length}\r\n${reply.lines ?? ''}${connection}\r\n${method === 'HEAD' ? '' : body}`
  );
}

function keepAliveLine(minorVersion: number): string {
  return minorVersion === 0 ? 'Connection: keep-alive\r\n' : '';
}

/** What a client that waits for it gets before it sends the body. */
export const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
