import { createRequire } from 'node:module';

/** Node's own HTTP parser, which node:http reads requests with. */
interface Parser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenient: number): void;
  execute(bytes: Buffer): number | Error;
  [event: number]: (...values: never[]) => unknown;
}

interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const common = createRequire(import.meta.url)('node:_http_common') as {
  readonly HTTPParser: ParserClass;
  readonly methods: readonly string[];
};

export interface LlhttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly content: string;
}

export interface LlhttpResult {
  /** Complete ones. */
  readonly requests: readonly LlhttpRequest[];
  /** Code of the error that ended it, such as `HPE_INVALID_HEADER_TOKEN`; `HPE_CLOSED_CONNECTION`: bytes after the last request. */
  readonly error: string | undefined;
}

/** Reads pipelined requests with Node's parser, as strict as node:http has it by default. */
export function readWithLlhttp(bytes: Buffer): LlhttpResult {
  const { HTTPParser, methods } = common;
  const parser = new HTTPParser();
  const requests: LlhttpRequest[] = [];
  let open:
    | { method: string; url: string; headers: (readonly [string, string])[]; content: string }
    | undefined;
  let early: string[] = [];
  let earlyUrl = '';
  parser.initialize(HTTPParser.REQUEST, {}, 16_384, 0);
  parser[HTTPParser.kOnHeaders] = (headers: string[], url: string) => {
    early.push(...headers);
    earlyUrl += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    headers: string[] | undefined,
    method: number,
    url: string | undefined,
  ) => {
    const flat = [...early, ...(headers ?? [])];
    const pairs = Array.from(
      { length: flat.length / 2 },
      (_, i) => [flat[i * 2]!.toLowerCase(), flat[i * 2 + 1]!] as const,
    );
    open = { method: methods[method]!, url: earlyUrl + (url ?? ''), headers: pairs, content: '' };
    early = [];
    earlyUrl = '';
    // The body is read, too.
    return 0;
  };
  parser[HTTPParser.kOnBody] = (piece: Buffer) => {
    open!.content += piece.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    requests.push(open!);
    open = undefined;
    // Trailers come as early headers of nothing.
    early = [];
    earlyUrl = '';
  };
  const outcome = parser.execute(bytes);
  const error = outcome instanceof Error ? (outcome as NodeJS.ErrnoException).code : undefined;
  return { requests, error };
}
