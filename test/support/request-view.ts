import type { RequestView } from '../../proxy/http/request-view.ts';

interface RequestInput {
  readonly method?: string;
  /** Hostname, path and query as in a URL; `http://` and a port are not needed. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly clientAddress?: string;
  readonly hasBody?: boolean;
}

/** A request as routing sees it, from what a test is about. */
export function request(input: RequestInput = {}): RequestView {
  const [, hostname = '', path = '', query = ''] = /^([^/?]*)([^?]*)\??(.*)$/.exec(input.url ?? '')!;
  const headers = new Map(Object.entries(input.headers ?? {}));
  return {
    method: input.method ?? 'GET',
    hostname,
    path: path === '' ? '/' : path,
    query,
    clientAddress: input.clientAddress ?? '203.0.113.9',
    hasBody: input.hasBody ?? false,
    header: (name) => headers.get(name),
  };
}
