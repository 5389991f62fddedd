import { KubeConfig } from '@kubernetes/client-node';
import { Pool, type Dispatcher } from 'undici';

export type { KubeConfig };

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; `application/json` unless told. */
  readonly contentType?: string;
  /** Of the answer; `application/json` unless told. */
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** From the call to the end of the answer; 30 s unless told. */
  readonly timeoutMs?: number;
}

/** More than `MAX_ANSWER_BYTES`: of a list, fewer objects at a time may be asked for. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
}

/** The API server's answer was not a success. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly status: number;
  /** `metav1.Status.reason`, such as `NotFound` or `Conflict`; empty when it sent none. */
  readonly reason: string;
  /** What the server asks to wait; absent when it does not say. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export function isStatus(error: unknown, status: number): error is KubeError {
  return error instanceof KubeError && error.status === status;
}

/** Everything this project says to the API server goes through here. */
export interface KubeClient {
  /** Of the kubeconfig's context, or the pod's own. */
  readonly namespace: string;
  /** The answer's JSON. Throws KubeError for any status that is not 2xx, and the socket's error otherwise. */
  request<T>(method: Dispatcher.HttpMethod, path: string, options?: RequestOptions): Promise<T>;
  /** The answer's JSON documents, one a line, as they come; ends when the server ends the answer. */
  watch(path: string, options: WatchOptions): AsyncGenerator<unknown, void, undefined>;
  close(): Promise<void>;
}

export interface WatchOptions {
  readonly query: NonNullable<RequestOptions['query']>;
  readonly accept?: string;
  readonly signal: AbortSignal;
}

const REQUEST_TIMEOUT_MS = 30_000;
/** Of one answer that is held whole; the largest object fits, 500 of them do not. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** An etcd object is at most 1.5 MiB; its JSON with managed fields is smaller than this. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;

/** @param file a kubeconfig; absent: `KUBECONFIG`, then the pod's service account, then `~/.kube/config`. */
export function kubeConfig(file?: string, context?: string): KubeConfig {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  if (context !== undefined) {
    if (config.getContextObject(context) === null)
      throw new Error(`the kubeconfig has no context ${context}`);
    config.setCurrentContext(context);
  }
  return config;
}

/**
 * HTTP/1.1 over kept connections. HTTP/2 is off because one black-holed connection then carries, and fails,
 * everything; TCP keep-alive finds such a connection in about 15 s.
 */
export function createKubeClient(config: KubeConfig): KubeClient {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig names no cluster');
  const base = new URL(cluster.server);
  const prefix = base.pathname.replace(/\/$/, '');
  let pool: { readonly key: string; readonly pool: Pool } | undefined;

  /** Credentials may be renewed (token files, exec plugins), so each request asks for them. */
  const authorize = async (): Promise<{ pool: Pool; headers: Record<string, string> }> => {
    const tls: TlsOptions = { headers: {} };
    await config.applyToHTTPSOptions(tls);
    const headers = { ...tls.headers };
    if (tls.auth !== undefined) {
      headers['authorization'] = `Basic ${Buffer.from(tls.auth).toString('base64')}`;
    }
    const key = [tls.ca, tls.cert, tls.key].map(String).join('\n');
    if (pool?.key !== key) {
      void pool?.pool.close();
      pool = { key, pool: connect(base.origin, tls) };
    }
    return { pool: pool.pool, headers };
  };

  const send = async (
    method: Dispatcher.HttpMethod,
    path: string,
    options: RequestOptions,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> => {
    const { pool: to, headers } = await authorize();
    if (options.body !== undefined) headers['content-type'] = options.contentType ?? 'application/json';
    headers['accept'] = options.accept ?? 'application/json';
    headers['user-agent'] = 'evenkeel';
    const response = await to.request({
      method,
      path: prefix + path + queryString(options.query),
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal,
    });
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    throw await failure(response);
  };

  return {
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',

    async request<T>(method: Dispatcher.HttpMethod, path: string, options: RequestOptions = {}): Promise<T> {
      const deadline = AbortSignal.timeout(options.timeoutMs ?? REQUEST_TIMEOUT_MS);
      const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
      const response = await send(method, path, options, signal);
      return (await readJson(response.body)) as T;
    },

    async *watch(path, options) {
      const response = await send('GET', path, options, options.signal);
      yield* jsonLines(response.body);
    },

    async close() {
      await pool?.pool.destroy();
    },
  };
}

interface TlsOptions {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
  auth?: string;
  headers: Record<string, string>;
}

function connect(origin: string, tls: TlsOptions): Pool {
  const { ca, cert, key, servername, rejectUnauthorized } = tls;
  return new Pool(origin, {
    allowH2: false,
    pipelining: 1,
    headersTimeout: 0, // each call has a deadline of its own
    bodyTimeout: 0,
    connect: {
      timeout: 5_000,
      keepAlive: true,
      keepAliveInitialDelay: 5_000,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
  });
}

function queryString(query: RequestOptions['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

async function failure(response: Dispatcher.ResponseData): Promise<KubeError> {
  const text = await response.body.text();
  const seconds = Number(response.headers['retry-after']);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1_000 : undefined;
  const { reason = '', message = '' } = parseStatus(text);
  const fallback = `HTTP ${response.statusCode}: ${text.slice(0, 200)}`;
  return new KubeError(response.statusCode, reason, message === '' ? fallback : message, retryAfterMs);
}

function parseStatus(text: string): { reason?: string; message?: string } {
  try {
    const status: unknown = JSON.parse(text);
    return typeof status === 'object' && status !== null ? status : {};
  } catch {
    return {}; // a proxy in between answered with a page
  }
}

async function readJson(body: AsyncIterable<Uint8Array>): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new AnswerTooLarge(`more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function* jsonLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n', from)) {
      if (end > from) yield JSON.parse(rest.slice(from, end));
      from = end + 1;
    }
    rest = rest.slice(from);
    if (rest.length > MAX_LINE_CHARS) throw new Error('a watch event is larger than any object can be');
  }
}
