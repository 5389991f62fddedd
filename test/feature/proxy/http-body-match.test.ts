import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BodyMatch } from '../../../api/snapshot.ts';
import { backendRef, endpoint, listener, route, routeMatch } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ScriptedBackend } from '../../support/http/backend.ts';
import { HttpProxy } from '../../support/http/proxy.ts';

const CAP = 2_000;

/** Requests under /v1 whose body has `"model": "large"` go to `v2`, all others to `v1`. */
describe('routing by the body', () => {
  let backends: ScriptedBackend[];
  let proxy: HttpProxy;

  async function serve(over: Partial<BodyMatch> = {}, bodyMatchMs = 5_000): Promise<void> {
    backends = await Promise.all(['v1', 'v2'].map((name) => ScriptedBackend.start({ name })));
    const body: BodyMatch = {
      type: 'JSON',
      jsonPath: '$.model',
      value: { type: 'Exact', value: 'large' },
      onUnreadable: 'NoMatch',
      ...over,
    };
    const path = { type: 'PathPrefix', value: '/v1' } as const;
    proxy = await HttpProxy.start({
      endpoints: Object.fromEntries(backends.map(({ port }, i) => [`v${i + 1}`, [endpoint({ port })]])),
      config: {
        listeners: [
          listener({
            limits: { bodyMatchBytes: CAP },
            timeouts: { ...listener().timeouts, bodyMatchMs },
          }),
        ],
        routes: [route({ matches: [routeMatch({ path, body })], backendRefs: [backendRef({ name: 'v2' })] })],
      },
    });
  }

  beforeEach(() => serve());
  afterEach(async () => {
    await proxy.close();
    for (const backend of backends) await backend.close();
  });
  const again = async (...input: Parameters<typeof serve>) => {
    await proxy.close();
    for (const backend of backends) await backend.close();
    await serve(...input);
  };

  const head = (framing: string, more = '', path = '/v1/chat') =>
    `POST ${path} HTTP/1.1\r\nHost: h.test\r\nContent-Type: application/json\r\n${more}${framing}\r\n\r\n`;
  const sized = (body: string, more = '', path?: string) =>
    head(`Content-Length: ${body.length}`, more, path) + body;
  const chunked = (body: string, size: number) => {
    const chunks = body.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    const framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
    return `${head('Transfer-Encoding: chunked')}${framed}0\r\n\r\n`;
  };
  const large = '{"prompt": "x", "model": "large"}';
  const small = '{"prompt": "x", "model": "small"}';
  const received = () => backends.flatMap(({ requests }) => requests.map(({ body }) => body));

  it('follows the value and forwards every byte', async () => {
    expect((await proxy.request(sized(large))).body).toBe('v2');
    expect((await proxy.request(sized(small))).body).toBe('v1');
    expect((await proxy.request(sized(large, '', '/v2'))).body).toBe('v1');
    expect(backends.map(({ requests }) => requests.map(({ body }) => body))).toEqual([
      [small, large],
      [large],
    ]);
    await proxy.settled();
  });

  it.each([1, 7, 1_000])('follows it in chunks of %i', async (size) => {
    expect((await proxy.request(chunked(large, size))).body).toBe('v2');
    expect((await proxy.request(chunked(small, size))).body).toBe('v1');
    expect(received()).toEqual([small, large]);
  });

  it('follows it when every byte comes alone', async () => {
    for (const text of [sized(large), chunked(large, 5)]) {
      const client = await proxy.connect();
      for (const byte of text) {
        client.send(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await client.response('POST')).body).toBe('v2');
      client.close();
    }
    expect(received()).toEqual([large, large]);
  });

  it('follows it for each of several pipelined requests', async () => {
    const client = await proxy.connect();
    client.send(
      sized(large) + chunked(small, 4) + sized(large) + 'GET /v1 HTTP/1.1\r\nHost: h\r\n\r\n' + sized(small),
    );
    const answers: string[] = [];
    for (const method of ['POST', 'POST', 'POST', 'GET', 'POST'])
      answers.push((await client.response(method)).body);
    expect(answers).toEqual(['v2', 'v1', 'v2', 'v1', 'v1']);
    client.close();
    await proxy.settled();
  });

  it('asks for the body of a client that waits to be told', async () => {
    const client = await proxy.connect();
    client.send(head(`Content-Length: ${large.length}`, 'Expect: 100-continue\r\n'));
    await eventually('100 Continue', () => client.received.includes('100 Continue'));
    client.send(large);
    const interim: number[] = [];
    expect((await client.response('POST', interim)).body).toBe('v2');
    expect(interim).toEqual([100]);
    expect(backends[1]!.requests[0]!.header('expect')).toBeUndefined();
  });

  const padded = (size: number) => `{"model":"large"}`.padEnd(size);

  it.each([
    ['a body of exactly the cap', padded(CAP), 'v2'],
    ['a byte more than the cap', padded(CAP + 1), 'v1'],
    ['far more than the cap', padded(300_000), 'v1'],
  ])('reads up to the cap: %s', async (_, body, expected) => {
    expect((await proxy.request(sized(body))).body).toBe(expected);
    expect((await proxy.request(chunked(body, 900))).body).toBe(expected);
    expect(received()).toEqual([body, body]);
  });

  it.each([
    ['is not JSON', sized('model=large')],
    ['is not announced as JSON', sized(large).replace('application/json', 'text/plain')],
    ['is encoded', sized(large, 'Content-Encoding: gzip\r\n')],
    ['names the member twice', sized('{"model":"large","model":"small"}')],
    ['is over the cap', sized(padded(CAP + 1))],
    ['is chunked and empty', chunked('', 1)],
  ])('takes the next route, or refuses as the match says, when the body %s', async (_, text) => {
    expect((await proxy.request(text)).body).toBe('v1');
    await again({ onUnreadable: 'Reject' });
    const response = await proxy.request(text);
    expect(response.status).toBe(400);
    expect(response.body).toContain('BODY_UNREADABLE');
    expect(received()).toEqual([]);
  });

  it('never refuses a request for a body that it has not', async () => {
    await again({ onUnreadable: 'Reject' });
    expect((await proxy.get('/v1')).body).toBe('v1');
    expect((await proxy.request(head('Content-Length: 0'))).body).toBe('v1');
  });

  it('waits for the body so long and no longer, then goes on without it', async () => {
    await again({}, 100);
    const client = await proxy.connect();
    client.send(head(`Content-Length: ${large.length}`) + large.slice(0, 10));
    await eventually('the request was forwarded', () => backends[0]!.sockets.size === 1);
    client.send(large.slice(10));
    expect((await client.response('POST')).body).toBe('v1');
    expect(received()).toEqual([large]);
  });

  it('does not wait for a body that is announced to be over the cap', async () => {
    await again({}, 60_000);
    const client = await proxy.connect();
    client.send(head(`Content-Length: ${CAP + 1}`, 'Expect: 100-continue\r\n'));
    await eventually('the request was forwarded', () => backends[0]!.sockets.size === 1);
    client.send(padded(CAP + 1));
    expect((await client.response('POST')).body).toBe('v1');
  });

  it('forgets a client that leaves while its body is awaited', async () => {
    const client = await proxy.connect();
    client.send(head(`Content-Length: ${large.length}`) + large.slice(0, 10));
    await eventually('the request was seen', () => proxy.worker.exchanges === 1);
    client.close();
    await proxy.settled();
    expect(received()).toEqual([]);
  });
});
