import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';

/** An object of the API server that this proxy may read and write, by name. */
export interface NamedObject {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [member: string]: unknown;
  };
}

/** All that a proxy says to the API server, and only while proxies choose one among themselves. */
export interface NamedObjects {
  get<T extends NamedObject>(path: string): Promise<T>;
  /** As it is after the change; undefined when somebody else has changed it since it was read. */
  put<T extends NamedObject>(path: string, object: T): Promise<T | undefined>;
  close(): void;
}

export interface ApiServerOptions {
  /** `https://10.96.0.1:443` */
  readonly url: string;
  /** PEM bundle and token, as they are mounted into the pod; read for each call, because both are replaced. */
  readonly caFile: string;
  readonly tokenFile: string;
  /** Of a call, from the first byte to the last. */
  readonly timeoutMs: number;
}

const MAX_ANSWER_BYTES = 1_048_576;

/** The API server by the pod's own token: GET and PUT of JSON, so that the proxy needs no Kubernetes client. */
export function apiServerObjects({ url, caFile, tokenFile, timeoutMs }: ApiServerOptions): NamedObjects {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  const call = async (method: 'GET' | 'PUT', path: string, body?: object): Promise<Answer> => {
    const [ca, token] = await Promise.all([readFile(caFile, 'utf8'), readFile(tokenFile, 'utf8')]);
    const payload = body === undefined ? '' : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${token.trim()}`,
        accept: 'application/json',
        'user-agent': 'evenkeel-proxy',
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
      };
      const signal = AbortSignal.timeout(timeoutMs);
      const sending = request(new URL(path, url), { method, agent, ca, headers, signal }, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_ANSWER_BYTES)
            sending.destroy(new Error('the answer is larger than any lease or slice'));
          else chunks.push(chunk);
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
        response.on('error', reject);
      });
      sending.on('error', reject);
      sending.end(payload);
    });
  };
  return {
    async get<T extends NamedObject>(path: string) {
      const answer = await call('GET', path);
      if (answer.status === 200) return JSON.parse(answer.text) as T;
      throw failure('GET', path, answer);
    },
    async put<T extends NamedObject>(path: string, object: T) {
      const answer = await call('PUT', path, object);
      if (answer.status === 409) return undefined;
      if (answer.status === 200) return JSON.parse(answer.text) as T;
      throw failure('PUT', path, answer);
    },
    close: () => agent.destroy(),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function failure(method: string, path: string, { status, text }: Answer): Error {
  return new Error(`${method} ${path}: HTTP ${status}: ${text.slice(0, 200)}`);
}
