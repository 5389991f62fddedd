import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
}

export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterSeconds?: number;
}

type Matcher = (seen: SeenRequest) => boolean;

/** Stands between a client and an HTTPS server, in clear towards the client, and misbehaves as told. */
export interface FaultProxy {
  readonly url: string;
  /** Every request that came, in order. */
  readonly seen: readonly SeenRequest[];
  /** Ends every connection and takes no new one until `restore()`: the server is gone. */
  cut(): void;
  /** Keeps every connection, passes nothing on, loses nothing said, until `restore()`: a black hole. */
  stall(): void;
  /** Resets what is open now; new connections work. */
  reset(): void;
  /** Answers the requests that match with a `metav1.Status`, until `restore()`. */
  answer(matcher: Matcher, answer: Answer): void;
  /** Changes the lines of the answers to requests that match (watch events), until `restore()`. */
  rewrite(matcher: Matcher, lines: (line: string) => readonly string[]): void;
  restore(): void;
  close(): Promise<void>;
}

export const isList = ({ method, url }: SeenRequest): boolean =>
  method === 'GET' && url.includes('limit=') && !url.includes('continue=');
export const isWatch = ({ method, url }: SeenRequest): boolean => method === 'GET' && url.includes('watch=1');

export async function faultProxy(target: { readonly url: string; readonly ca: string }): Promise<FaultProxy> {
  const seen: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const agent = new Agent({ ca: target.ca, keepAlive: true });
  let mode: 'pass' | 'cut' | 'stall' = 'pass';
  let answers: { matcher: Matcher; answer: Answer }[] = [];
  let rewrites: { matcher: Matcher; lines: (line: string) => readonly string[] }[] = [];
  let stalled: (() => void)[] = [];

  /** Calls back now, or when the stall is over. */
  const whenFlowing = (go: () => void): void => {
    if (mode === 'stall') stalled.push(go);
    else go();
  };

  const forward = (req: IncomingMessage, res: ServerResponse): void => {
    const { method = 'GET', url = '/' } = req;
    const rewrite = rewrites.find(({ matcher }) => matcher({ method, url }));
    const upstream = request(new URL(url, target.url), { method, headers: req.headers, agent }, (from) => {
      const headers = { ...from.headers };
      res.writeHead(from.statusCode ?? 502, headers);
      res.flushHeaders();
      let rest = '';
      from.on('data', (chunk: Buffer) => {
        whenFlowing(() => {
          if (rewrite === undefined) {
            res.write(chunk);
            return;
          }
          const lines = (rest + chunk.toString()).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines.flatMap(rewrite.lines)) res.write(`${line}\n`);
        });
      });
      from.on('end', () => whenFlowing(() => res.end()));
      from.on('error', () => res.destroy());
    });
    upstream.on('error', () => res.destroy());
    res.on('close', () => upstream.destroy());
    req.pipe(upstream);
  };

  const server = createServer((req, res) => {
    const { method = 'GET', url = '/' } = req;
    seen.push({ method, url });
    whenFlowing(() => {
      const found = answers.find(({ matcher }) => matcher({ method, url }));
      if (found === undefined) {
        forward(req, res);
        return;
      }
      const { status, reason, retryAfterSeconds } = found.answer;
      req.resume();
      if (retryAfterSeconds !== undefined) res.setHeader('retry-after', retryAfterSeconds);
      res.writeHead(status, { 'content-type': 'application/json' });
      res.end(
        JSON.stringify({
          kind: 'Status',
          status: 'Failure',
          code: status,
          reason,
          message: `injected ${reason}`,
        }),
      );
    });
  });
  server.on('connection', (socket) => {
    if (mode === 'cut') {
      socket.resetAndDestroy();
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const resetAll = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    cut() {
      mode = 'cut';
      resetAll();
    },
    stall() {
      mode = 'stall';
    },
    reset: resetAll,
    answer: (matcher, answer) => answers.push({ matcher, answer }),
    rewrite: (matcher, lines) => rewrites.push({ matcher, lines }),
    restore() {
      mode = 'pass';
      answers = [];
      rewrites = [];
      const go = stalled;
      stalled = [];
      for (const resume of go) resume();
    },
    async close() {
      resetAll();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
