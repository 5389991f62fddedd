import type { HeaderEdit } from '../../routing/header-edit.ts';
import { HeaderId } from './header-id.ts';
import { Fate } from './header-lines.ts';
import type { ResponseBody, ResponseHead } from './response-head.ts';

/** How a client gets a response. */
export interface ResponseChanges {
  /** 0 or 1 of the client's `HTTP/1.x`. */
  readonly minorVersion: number;
  /** May the client send another request on this connection? */
  readonly keepAlive: boolean;
  /** Further complete header lines, such as a Set-Cookie. */
  readonly extra?: string;
  readonly edit?: HeaderEdit;
}

/**
 * How the body goes to a client that speaks `HTTP/1.x`: one that knows no chunks gets an unknown length until the
 * connection closes, every other one in chunks.
 */
export function responseBodyFor(body: ResponseBody, minorVersion: number): ResponseBody {
  if (body === 'none' || body === 'length') return body;
  return minorVersion === 0 ? 'until-close' : 'chunked';
}

/**
 * The head of a response as a client gets it, as latin1 text: always HTTP/1.1, hop-by-hop lines left out, framing and
 * Connection written by us. A body until close needs `keepAlive` false.
 */
export function writeResponseHead(head: ResponseHead, changes: ResponseChanges): string {
  const { lines } = head;
  const { edit } = changes;
  const body = responseBodyFor(head.body, changes.minorVersion);
  const dropsCoding = body === 'until-close';
  let text = head.isStatusLinePlain ? '' : `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  let run = head.isStatusLinePlain ? 0 : lines.lineStart(0);
  let hasCoding = false;
  for (let i = 0; i < lines.count; i++) {
    const id = lines.ids[i]!;
    const copied =
      lines.fates[i] === Fate.Copied &&
      !(dropsCoding && id === HeaderId.TransferEncoding) &&
      (edit === undefined || !lines.isNamed(i, edit.removes));
    if (copied) {
      hasCoding ||= id === HeaderId.TransferEncoding;
      continue;
    }
    const start = lines.lineStart(i);
    if (start > run) text += lines.text(run, start);
    run = lines.lineStart(i + 1);
  }
  if (lines.end > run) text += lines.text(run, lines.end);
  if (body === 'chunked' && !hasCoding) text += 'Transfer-Encoding: chunked\r\n';
  if (head.isLengthRewritten) text += `Content-Length: ${head.contentLength}\r\n`;
  if (head.websocket) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  else if (!changes.keepAlive) text += 'Connection: close\r\n';
  else if (changes.minorVersion === 0) text += 'Connection: keep-alive\r\n';
  return `${text}${changes.extra ?? ''}${edit?.lines ?? ''}\r\n`;
}
