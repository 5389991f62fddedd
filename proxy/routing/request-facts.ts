import type { RequestView } from '../http/request-view.ts';
import { type AddressValue, parseAddress } from '../net/cidr-set.ts';
import type { BodyBytes } from './body-match.ts';
import { parseCookies } from './cookies.ts';
import { isPlainJson, type JsonValue, parseJson } from './json-body.ts';
import { parseQuery } from './query.ts';

/** What is known of a body that a match asks about; `unknown`: its bytes are needed. */
export type JsonBody = { readonly value: JsonValue } | 'unreadable' | 'unknown';

/** What conditions ask of a request, each worked out at most once and only when asked; reused between lookups. */
export class RequestFacts {
  request!: RequestView;
  #body: BodyBytes | undefined;
  #cookies: Map<string, string> | undefined;
  #query: Map<string, string> | undefined;
  #address: AddressValue | undefined;
  #json: JsonBody | undefined;

  reset(request: RequestView, body?: BodyBytes): void {
    this.request = request;
    this.#body = body;
    this.#cookies = undefined;
    this.#query = undefined;
    this.#address = undefined;
    this.#json = undefined;
  }

  cookie(name: string): string | undefined {
    this.#cookies ??= parseCookies(this.request.header('cookie') ?? '');
    return this.#cookies.get(name);
  }

  queryParam(name: string): string | undefined {
    this.#query ??= parseQuery(this.request.query);
    return this.#query.get(name);
  }

  /** Undefined when the client has no address (a unix socket behind a PROXY header). */
  get clientAddress(): AddressValue | undefined {
    this.#address ??= parseAddress(this.request.clientAddress);
    return this.#address;
  }

  /** Bytes of the body; 0 while it is not known. */
  get bodySize(): number {
    return this.#body === undefined || this.#body === 'unreadable' ? 0 : this.#body.length;
  }

  /** The body as JSON. What its headers rule out is unreadable before a byte of it was read. */
  get json(): JsonBody {
    this.#json ??= this.#readJson();
    return this.#json;
  }

  #readJson(): JsonBody {
    const { request } = this;
    if (!isPlainJson(request.header('content-type'), request.header('content-encoding'))) return 'unreadable';
    if (this.#body === undefined) return 'unknown';
    const value = this.#body === 'unreadable' ? undefined : parseJson(this.#body);
    return value === undefined ? 'unreadable' : { value };
  }
}
