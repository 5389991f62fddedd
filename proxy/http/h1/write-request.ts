import type { HeaderEdit } from '../../routing/header-edit.ts';
import { HeaderId } from './header-id.ts';
import { Fate } from './header-lines.ts';
import type { RequestHead } from './request-head.ts';

/** What a backend gets that the client did not send. */
export interface RequestChanges {
  /** See `ForwardedLines`. */
  readonly forwarded: string;
  /** Sent as X-Request-Id when the client gave none that is passed on. */
  readonly requestId: string;
  /** Instead of the client's. */
  readonly target?: string;
  /** Instead of the client's Host. */
  readonly authority?: string;
  readonly edit?: HeaderEdit;
}

/** Names in lines that we write and a header filter may still set or remove. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-real-ip',
  'forwarded',
  'via',
  'x-request-id',
]);

/**
 * The head of a request as a backend gets it, as latin1 text: always HTTP/1.1; hop-by-hop lines left out; request
 * line, framing, Host and the lines of `changes` written by us. Lines that need no change are copied in runs, after
 * every byte of them was validated; a framing line that already is what we would write is copied with its run.
 */
export function writeRequestHead(head: RequestHead, changes: RequestChanges): string {
  const { lines } = head;
  const { edit } = changes;
  const authority = changes.authority ?? head.authority;
  const ownsHost = changes.authority !== undefined;
  const copiesStart = changes.target === undefined && head.isTargetPlain && head.minorVersion === 1;
  let text = copiesStart ? '' : `${head.method} ${changes.target ?? head.target} HTTP/1.1\r\n`;
  let hasHost = false;
  let run = copiesStart ? 0 : lines.lineStart(0);
  for (let i = 0; i < lines.count; i++) {
    const id = lines.ids[i]!;
    const copied =
      lines.fates[i] === Fate.Copied &&
      !(ownsHost && id === HeaderId.Host) &&
      (edit === undefined || !lines.isNamed(i, edit.removes));
    if (copied) {
      hasHost ||= id === HeaderId.Host;
      continue;
    }
    const start = lines.lineStart(i);
    if (start > run) text += lines.text(run, start);
    run = lines.lineStart(i + 1);
  }
  if (lines.end > run) text += lines.text(run, lines.end);
  if (!hasHost) text += `Host: ${authority}\r\n`;
  return `${text}${rewrittenLines(head)}${ownLines(head, changes)}${edit?.lines ?? ''}\r\n`;
}

/** Of what came, the lines that mean something for this connection too. */
function rewrittenLines(head: RequestHead): string {
  let text = '';
  if (head.isFramingRewritten) {
    text +=
      head.body === 'chunked'
        ? 'Transfer-Encoding: chunked\r\n'
        : `Content-Length: ${head.contentLength}\r\n`;
  }
  if (head.expectsContinue) text += 'Expect: 100-continue\r\n';
  if (head.websocket) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  return text;
}

function ownLines(head: RequestHead, { forwarded, requestId, edit }: RequestChanges): string {
  const id = head.hasRequestId ? '' : `X-Request-Id: ${requestId}\r\n`;
  const version = head.majorVersion === 2 ? '2' : `1.${head.minorVersion}`;
  const text = `${forwarded}${id}Via: ${version} evenkeel\r\n`;
  if (edit === undefined || OWN_NAMES.isDisjointFrom(edit.removes)) return text;
  return text.replace(/([^:]+): .*\r\n/g, (line, name: string) =>
    edit.removes.has(name.toLowerCase()) ? '' : line,
  );
}
