import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listener, resilience } from '../../support/builders.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { ok, ScriptedBackend } from '../../support/http/backend.ts';
import { HttpProxy } from '../../support/http/proxy.ts';
import { httpScope } from '../../support/http/scope.ts';
import { H2Client } from '../../support/http2/client.ts';
import {
  block,
  data,
  ErrorCode,
  type FieldList,
  Flag,
  frame,
  FrameType,
  get,
  headers,
  integer,
  post,
  PREFACE,
  rstStream,
  settings,
  windowUpdate,
} from '../../support/http2/frames.ts';
import { RawH2Client } from '../../support/http2/raw-client.ts';
import { dialTls, terminate } from '../../support/tls.ts';

const { ProtocolError } = ErrorCode;

/** A GET with these fields in place of its own of the same names. */
function but(...changed: FieldList): FieldList {
  const names = new Set(changed.map(([name]) => name));
  return [...changed, ...get().filter(([name]) => !names.has(name))];
}

function without(name: string): FieldList {
  return get().filter(([other]) => other !== name);
}

/** RFC 8441 section 4. */
const EXTENDED_CONNECT: FieldList = [[':method', 'CONNECT'], [':protocol', 'websocket'], ...get().slice(1)];

describe('a malformed request over HTTP/2', () => {
  let backend: ScriptedBackend;
  let proxy: HttpProxy;
  let bystander: H2Client;

  beforeAll(async () => {
    backend = await ScriptedBackend.start(({ socket }) => socket.write(ok('fine')));
    proxy = await HttpProxy.start({ ports: [backend.port] });
    bystander = await H2Client.connect(proxy.port);
    await bystander.get('/');
  });
  afterAll(async () => {
    await bystander.close();
    await proxy.close();
    await backend.close();
  });

  // E10, E11, B03
  it.each<[what: string, fields: FieldList]>([
    ...['transfer-encoding', 'connection', 'upgrade', 'keep-alive', 'proxy-connection'].map(
      (name): [string, FieldList] => [`a field of a connection: ${name}`, get('/', [[name, 'chunked']])],
    ),
    ['another TE than trailers', get('/', [['te', 'gzip']])],
    ['a capital in a name', get('/', [['X-Name', 'x']])],
    ['no name', get('/', [['', 'x']])],
    ['a space in a name', get('/', [['a b', 'x']])],
    ['a colon in a name', get('/', [['a:b', 'x']])],
    ['a line end in a value', get('/', [['a', 'b\r\nx-smuggled: 1']])],
    [
      'the end of the head in a value',
      get('/', [['a', 'b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n']]),
    ],
    ['a bare line feed', get('/', [['a', 'b\nx-smuggled: 1']])],
    ['a bare carriage return', get('/', [['a', 'b\rx-smuggled: 1']])],
    ['a NUL', get('/', [['a', 'b\0']])],
    ['a space before a value', get('/', [['a', ' b']])],
    ['a tab before a value', get('/', [['a', '\tb']])],
    ['a space behind a value', get('/', [['a', 'b ']])],
    ['a tab behind a value', get('/', [['a', 'b\t']])],
    ['no path', without(':path')],
    ['an empty path', but([':path', ''])],
    ['a path that begins with no slash', but([':path', 'admin'])],
    ['a path with a space', but([':path', '/a b'])],
    ['a path with a line end', but([':path', '/ HTTP/1.1\r\nx: y'])],
    ['a path with a fragment', but([':path', '/a#b'])],
    ['a path in absolute form', but([':path', 'http://b/'])],
    ['* as the path of a GET', but([':path', '*'])],
    ['no scheme', without(':scheme')],
    ['a scheme that is not HTTP', but([':scheme', 'ftp'])],
    ['no method', without(':method')],
    ['two paths', [...get(), [':path', '/b']]],
    ['two methods', [...get(), [':method', 'POST']]],
    ['two schemes', [...get(), [':scheme', 'https']]],
    ['two authorities', [...get(), [':authority', 'other.example']]],
    ['a pseudo-header behind a field', [...without(':path'), ['a', 'b'], [':path', '/']]],
    ['a pseudo-header that is not known', [...get(), [':answer', '42']]],
    ['a pseudo-header of responses', [...get(), [':status', '200']]],
    ['credentials in the authority', but([':authority', 'user@example.com'])],
    ['a path in the authority', but([':authority', 'example.com/'])],
    ['another Host than its authority', get('/', [['host', 'other.example']])],
    ['no host at all', without(':authority')],
    [
      'two lengths',
      get('/', [
        ['content-length', '0'],
        ['content-length', '0'],
      ]),
    ],
    ['a length that is none', get('/', [['content-length', '+0']])],
    ['a protocol without CONNECT', [[':protocol', 'websocket'], ...get()]],
  ])('is reset: %s', async (_, fields) => {
    const seen = backend.requests.length;
    const client = await RawH2Client.connect(proxy.port);
    client.send(headers(1, fields));
    expect(await client.ended(1)).toEqual({ reset: ProtocolError });
    // The connection is as good as it was.
    client.send(headers(3, get()));
    expect(await client.status(3)).toBe(200);
    await client.close();
    expect(backend.requests.length).toBe(seen + 1);
    expect(await bystander.get('/')).toMatchObject({ status: 200 });
  });

  it.each([
    // E13
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'example.com:443'],
      ] as FieldList,
      405,
    ],
    ['an extended CONNECT', EXTENDED_CONNECT, 405],
    ['TRACE', but([':method', 'TRACE']), 405],
    ['a method that is not known', but([':method', 'get']), 501],
    ['an escape that is none', get('/%zz'), 400],
    ['an expectation that cannot be met', get('/', [['expect', 'x']]), 417],
    ['a target that is too long', get(`/${'x'.repeat(8_500)}`), 414],
    [
      'more fields than are taken',
      get(
        '/',
        Array.from({ length: 101 }, (_, i) => [`x-${i}`, ''] as const),
      ),
      431,
    ],
    // E20: nothing but a name by which a proxy might be led to think so.
    ['a field of the HTTP/1.1 upgrade', get('/', [['http2-settings', 'AAMAAABkAARAAAAAAAIAAAAA']]), 200],
  ])('is answered: %s', async (_, fields, status) => {
    const seen = backend.requests.length;
    const client = await RawH2Client.connect(proxy.port);
    client.send(headers(1, fields));
    expect(await client.ended(1)).toBe('complete');
    expect(await client.status(1)).toBe(status);
    await client.close();
    expect(backend.requests.length - seen).toBe(status === 200 ? 1 : 0);
    expect(backend.requests.at(-1)!.head.toLowerCase()).not.toContain('http2-settings');
  });

  // E13
  it.each<[what: string, fields: FieldList]>([
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'example.com:443'],
      ],
    ],
    ['an extended CONNECT', EXTENDED_CONNECT],
  ])('opens no tunnel, whatever is sent into it: %s', async (_, fields) => {
    const seen = backend.requests.length;
    const client = await RawH2Client.connect(proxy.port);
    client.send(headers(1, fields, 0), data(1, 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'));
    expect(await client.status(1)).toBe(405);
    expect(await client.ended(1)).toBe('complete');
    // The connection is as good as it was.
    client.send(headers(3, get('/after')));
    expect(await client.status(3)).toBe(200);
    await client.close();
    expect(backend.requests.slice(seen).map(({ target }) => target)).toEqual(['/after']);
  });

  // E12
  it.each<[what: string, length: string, body: readonly string[], isOnHead: boolean]>([
    ['too little', '5', ['abc'], false],
    ['too much', '2', ['abc'], false],
    ['too much, later', '4', ['abc', 'def'], false],
    ['nothing', '5', [], true],
  ])('is taken back when its length announces %s of it', async (_, length, body, isOnHead) => {
    const client = await RawH2Client.connect(proxy.port);
    const complete = backend.requests.length;
    client.send(headers(1, post('/', [['content-length', length]]), isOnHead ? Flag.EndStream : 0));
    for (const [i, part] of body.entries()) {
      client.send(data(1, part, i === body.length - 1 ? Flag.EndStream : 0));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.ended(1)).toEqual({ reset: ProtocolError });
    await client.pong();
    await client.close();
    await proxy.settled();
    expect(backend.requests.length).toBe(complete);
  });
});

// E12
describe('a body over HTTP/2 that is not as long as was announced', () => {
  const scope = httpScope();
  const WRONG: readonly (readonly [what: string, rest: Buffer])[] = [
    ['shorter', data(1, 'c', Flag.EndStream)],
    ['longer', data(1, 'cdef')],
  ];

  it.each(WRONG)('ends the connection to its backend: %s', async (_, rest) => {
    const { backend, proxy } = await scope.pair({ onHead: () => {} });
    const client = await scope.rawH2(proxy);
    client.send(headers(1, post('/', [['content-length', '5']]), 0), data(1, 'ab'));
    await eventually('the backend has begun to read it', () => backend.requests.length === 1);
    client.send(rest);
    expect(await client.ended(1)).toEqual({ reset: ProtocolError });
    await eventually('the connection is gone', () => backend.sockets.size === 0);
    await proxy.settled();
  });

  it.each(WRONG)('resets its stream to a backend that speaks HTTP/2: %s', async (_, rest) => {
    const { backend, proxy } = await scope.http2Pair({ onHeaders: () => {} });
    const client = await scope.rawH2(proxy);
    client.send(headers(1, post('/', [['content-length', '5']]), 0), data(1, 'ab'));
    await eventually('the backend has begun to read it', () => backend.requests.length === 1);
    client.send(rest);
    expect(await client.ended(1)).toEqual({ reset: ProtocolError });
    await eventually('the stream is reset', () => backend.requests[0]!.rstCode === ErrorCode.Cancel);
    expect(backend.connections).toBe(1);
    await proxy.settled();
  });
});

describe('limits of an HTTP/2 connection', () => {
  const scope = httpScope();

  /** A connection whose requests are never answered, and a client of it that is served like others. */
  async function hanging() {
    const { backend, proxy } = await scope.pair(({ request, socket }) => {
      if (request.target === '/alive') socket.write(ok('alive'));
    });
    const bystander = await scope.h2(proxy);
    const client = await scope.rawH2(proxy);
    const alive = async () => {
      expect(await bystander.get('/alive')).toMatchObject({ body: 'alive' });
    };
    const refused = (reason: string) =>
      proxy.metrics
        .find(({ name }) => name === 'evenkeel_refused_requests_total')
        ?.values.find(({ labels }) => labels['reason'] === reason)?.value ?? 0;
    return { backend, proxy, client, alive, refused };
  }

  /** Sends what `next` makes, until the connection ends or `count` were sent. */
  async function flood(client: RawH2Client, count: number, next: (i: number) => Buffer): Promise<void> {
    for (let i = 0; i < count && !client.isGone; i++) {
      client.send(next(i));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  // E01
  it('ends a connection that takes its requests back as fast as it makes them', async () => {
    const { backend, proxy, client, alive, refused } = await hanging();
    await flood(client, 10_000, (i) => Buffer.concat([headers(i * 2 + 1, get()), rstStream(i * 2 + 1, 8)]));
    expect(await client.goaway()).toBe(ErrorCode.EnhanceYourCalm);
    await client.closed();
    expect(backend.requests.length).toBeLessThanOrEqual(200);
    await alive();
    expect(refused('DOWNSTREAM_FLOOD')).toBe(1);
    await proxy.settled();
  });

  // E01
  it('ends it also when it gives each request time to reach its backend', async () => {
    const { backend, client, alive } = await hanging();
    await flood(client, 20_000, (i) =>
      i % 2 === 0 ? headers(i + 1, get()) : rstStream(i, ErrorCode.Cancel),
    );
    expect(await client.goaway()).toBe(ErrorCode.EnhanceYourCalm);
    expect(backend.requests.length).toBeLessThanOrEqual(200);
    await alive();
  });

  it('lets a busy connection drop half of what it asks for', async () => {
    const { proxy } = await scope.pair(({ request, socket }) => {
      if (request.target === '/') socket.write(ok(''));
    });
    const client = await scope.rawH2(proxy);
    for (let i = 0; i < 300; i++) {
      const kept = i * 4 + 1;
      client.send(
        headers(kept, get('/')),
        headers(kept + 2, get('/dropped')),
        rstStream(kept + 2, ErrorCode.Cancel),
      );
      expect(await client.ended(kept)).toBe('complete');
    }
    await client.pong();
  });

  // E02
  it.each<[what: string, bad: (stream: number) => Buffer]>([
    ['an increment of nothing', (stream) => windowUpdate(stream, 0)],
    ['a PRIORITY of the wrong length', (stream) => frame(FrameType.Priority, 0, stream, Buffer.alloc(4))],
    ['DATA after its end', (stream) => data(stream, 'x')],
    ['a window past its bound', (stream) => windowUpdate(stream, 2 ** 31 - 1)],
    ['HEADERS after its end', (stream) => headers(stream, [['a', 'b']])],
  ])('ends a connection that makes us reset its requests: %s', async (_, bad) => {
    const { backend, proxy, client, alive } = await hanging();
    await flood(client, 10_000, (i) => Buffer.concat([headers(i * 2 + 1, get()), bad(i * 2 + 1)]));
    expect(await client.goaway()).toBe(ErrorCode.EnhanceYourCalm);
    await client.closed();
    expect(backend.requests.length).toBeLessThanOrEqual(200);
    await alive();
    await proxy.settled();
  });

  // E03
  it.each<[what: string, continuation: (i: number) => Buffer]>([
    ['nothing', () => Buffer.alloc(0)],
    ['a byte', () => Buffer.of(0x88)],
    ['more and more', (i) => block([[`x-${i}`, 'x'.repeat(1_000)]])],
  ])('ends a connection whose header block does not end: CONTINUATION with %s', async (_, continuation) => {
    const { backend, client, alive } = await hanging();
    client.send(frame(FrameType.Headers, Flag.EndStream, 1, block(get())));
    await flood(client, 10_000, (i) => frame(FrameType.Continuation, 0, 1, continuation(i)));
    expect(await client.goaway()).toBe(ErrorCode.EnhanceYourCalm);
    await client.closed();
    expect(backend.requests.length).toBe(0);
    await alive();
  });

  // E04, B15
  it.each<[what: string, blockOf: () => Buffer]>([
    [
      'one long field a thousand times, by its place in the table',
      () => {
        const long = Buffer.concat([
          Buffer.of(0x40),
          integer(5, 7),
          Buffer.from('x-big'),
          integer(3_900, 7),
          Buffer.alloc(3_900, 'x'),
        ]);
        return Buffer.concat([block(get()), long, Buffer.alloc(1_000, integer(62, 7, 0x80))]);
      },
    ],
    [
      'a thousand crumbs of a cookie',
      () => block([...get(), ...Array.from({ length: 1_000 }, (_, i) => ['cookie', `c${i}=x`] as const)]),
    ],
    [
      'a few large crumbs of a cookie',
      () =>
        block([
          ...get(),
          ...Array.from({ length: 17 }, (_, i) => ['cookie', `c${i}=${'x'.repeat(1_000)}`] as const),
        ]),
    ],
    ['one field of 20 KiB', () => block([...get(), ['x-big', 'x'.repeat(20_480)]])],
  ])('counts a head as it is when it is unpacked: %s', async (_, blockOf) => {
    const { backend, client, alive } = await hanging();
    const bytes = blockOf();
    const first = bytes.subarray(0, 16_384);
    const rest = bytes.subarray(16_384);
    client.send(
      frame(FrameType.Headers, Flag.EndStream | (rest.length === 0 ? Flag.EndHeaders : 0), 1, first),
    );
    if (rest.length > 0) client.send(frame(FrameType.Continuation, Flag.EndHeaders, 1, rest));
    const end = await client.ended(1);
    const answer = end === 'complete' ? await client.status(1) : end;
    expect([431, { reset: ErrorCode.EnhanceYourCalm }]).toContainEqual(answer);
    expect(backend.requests.length).toBe(0);
    await alive();
  });

  // E05
  it('survives a header block that cannot be unpacked, and a reset on top of it', async () => {
    const { proxy, alive } = await hanging();
    for (const bytes of ['ffffffffffffffffffff', '3fffffffff7f', '00ff', `40${'ff'.repeat(8_000)}`]) {
      const client = await scope.rawH2(proxy);
      client.send(
        frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 1, Buffer.from(bytes, 'hex')),
        rstStream(1, ErrorCode.Cancel),
      );
      expect(await client.goaway()).toBe(ErrorCode.CompressionError);
      await client.closed();
    }
    for (let i = 0; i < 50; i++) {
      const client = await scope.rawH2(proxy);
      client.send(headers(1, get()), Buffer.from('00ff'.repeat(i + 1), 'hex'));
      client.socket.resetAndDestroy();
    }
    await alive();
  });

  // E05
  it.each(['in clear', 'over TLS'])(
    'survives malformed header blocks of any size, each with a reset behind it: %s',
    async (how) => {
      const backend = await scope.backend();
      const authority = await TestAuthority.create();
      const secure = listener({ protocol: 'HTTPS', tls: await terminate(authority) });
      const proxy = await scope.proxy({
        ports: [backend.port],
        config: how === 'in clear' ? {} : { listeners: [secure] },
      });
      const dial = async (): Promise<RawH2Client> =>
        how === 'in clear'
          ? scope.rawH2(proxy)
          : scope.keep(
              await RawH2Client.on(
                await dialTls(proxy.port, { ca: authority.certificate, ALPNProtocols: ['h2'] }),
              ),
            );
      for (const frames of [1, 2, 4, 16, 20]) {
        const client = await dial();
        // A string that claims to be longer than all of it, and no end of it.
        const bytes = Buffer.alloc(frames * 16_384, 'x');
        bytes.write('407fffffff0f', 'hex');
        for (let i = 0; i < frames; i++) {
          const part = bytes.subarray(i * 16_384, (i + 1) * 16_384);
          const isLast = i === frames - 1 ? Flag.EndHeaders : 0;
          client.send(
            i === 0
              ? frame(FrameType.Headers, Flag.EndStream | isLast, 1, part)
              : frame(FrameType.Continuation, isLast, 1, part),
          );
        }
        client.send(rstStream(1, ErrorCode.Cancel));
        expect([ErrorCode.CompressionError, ErrorCode.EnhanceYourCalm]).toContain(await client.goaway());
        await client.closed();
        const abrupt = await dial();
        abrupt.send(frame(FrameType.Headers, 0, 1, bytes.subarray(0, 16_384)));
        await new Promise((resolve) => setImmediate(resolve));
        abrupt.socket.destroy();
      }
      expect(backend.requests.length).toBe(0);
      const client = await dial();
      client.send(headers(1, get()));
      expect(await client.status(1)).toBe(200);
      await client.close();
      await proxy.emptied();
    },
  );

  // E06
  it('forgets connections whose window overflows', async () => {
    const { proxy, alive } = await hanging();
    const before = proxy.handler.connections;
    for (let round = 0; round < 10; round++) {
      const clients = await Promise.all(Array.from({ length: 30 }, () => RawH2Client.connect(proxy.port)));
      for (const client of clients) {
        client.send(headers(1, get()), windowUpdate(0, 2 ** 31 - 1));
        expect(await client.goaway()).toBe(ErrorCode.FlowControlError);
        await client.closed();
      }
    }
    await eventually('they are gone', () => proxy.handler.connections === before);
    await proxy.settled();
    await alive();
  });

  // E07
  it.each<[what: string, bytes: Buffer]>([
    ['PING', frame(FrameType.Ping, 0, 0, Buffer.alloc(8))],
    ['answers to PINGs that were not sent', frame(FrameType.Ping, Flag.Ack, 0, Buffer.alloc(8))],
    ['SETTINGS', settings([[3, 100]])],
    ['empty SETTINGS', settings()],
    ['PRIORITY', frame(FrameType.Priority, 0, 1, Buffer.from([0, 0, 0, 3, 10]))],
    ['empty DATA', data(1, '')],
    ['padding', frame(FrameType.Data, Flag.Padded, 1, Buffer.concat([Buffer.of(200), Buffer.alloc(200)]))],
    ['WINDOW_UPDATE', windowUpdate(0, 1)],
    ['ORIGIN', frame(0xc, 0, 0, Buffer.alloc(32))],
    ['ALTSVC', frame(0xa, 0, 0, Buffer.concat([Buffer.of(0, 1), Buffer.from('ah2=":1"')]))],
    ['frames that are not known', frame(0xbb, 0, 0, Buffer.alloc(8))],
  ])('ends a connection that is nothing but %s', async (_, bytes) => {
    const { client, alive } = await hanging();
    client.send(headers(1, post(), 0));
    const started = performance.now();
    const many = Buffer.concat(Array.from({ length: 100 }, () => bytes));
    while (!client.isGone && performance.now() - started < 20_000) {
      client.send(many);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(await client.goaway()).toBe(ErrorCode.EnhanceYourCalm);
    await client.closed();
    await alive();
  });

  // E08
  it('holds little of 1,000 responses for a client that opens no window, and not for long', async () => {
    // More than is held of a response, and what the kernel takes of 1,000 of them.
    const large = ok('x'.repeat(400_000));
    const { backend, proxy } = await scope.pair(({ socket }) => socket.write(large), {
      listeners: [listener({ timeouts: { ...listener().timeouts, idleMs: 2_000 } })],
      // A thousand dials at once take their time on a busy machine.
      resilience: resilience({ timeouts: { connectMs: 30_000, responseHeaderMs: 30_000 } }),
    });
    const clients: RawH2Client[] = [];
    for (let i = 0; i < 10; i++) {
      // SETTINGS_INITIAL_WINDOW_SIZE
      const client = await scope.rawH2(proxy, settings([[4, 0]]));
      clients.push(client);
      client.send(...Array.from({ length: 100 }, (_, at) => headers(at * 2 + 1, get())));
    }
    await eventually('all have begun', () => backend.requests.length === 1_000);
    // None may live on PINGs while it takes nothing.
    const pings = setInterval(() => {
      for (const client of clients) client.send(frame(FrameType.Ping, 0, 0, Buffer.alloc(8)));
    }, 200);
    for (const client of clients) {
      for (let i = 0; i < 100; i++)
        expect(await client.ended(i * 2 + 1)).toEqual({ reset: ErrorCode.InternalError });
    }
    clearInterval(pings);
    await eventually('the backends are let go', () => backend.sockets.size === 0);
    await proxy.settled();
    // Of each, a read of its backend or two; so of a connection a hundred times as much.
    expect(proxy.records).toHaveLength(1_000);
    for (const { bytesOut, error } of proxy.records) {
      expect(error).toBe('DOWNSTREAM_IDLE');
      expect(bytesOut).toBeLessThanOrEqual(2 * 65_536);
    }
  }, 60_000);

  // E08
  it('gives up a response that is complete and never taken', async () => {
    const { proxy } = await scope.pair(({ socket }) => socket.write(ok('x'.repeat(1_000))), {
      listeners: [listener({ timeouts: { ...listener().timeouts, idleMs: 500 } })],
    });
    const client = await scope.rawH2(proxy, settings([[4, 0]]));
    client.send(headers(1, get()));
    expect(await client.status(1)).toBe(200);
    expect(await client.ended(1)).toEqual({ reset: ErrorCode.Cancel });
    await client.goaway();
    await proxy.emptied();
  });

  // E09
  it('tells its client how many requests may be open, and refuses more', async () => {
    const { backend, client: _, proxy } = await hanging();
    const client = scope.keep(await RawH2Client.open(proxy.port));
    client.send(PREFACE, settings());
    const { payload } = await client.frame(
      'the settings',
      ({ type, flags }) => type === FrameType.Settings && flags === 0,
    );
    const announced = Array.from({ length: payload.length / 6 }, (_, i) => [
      payload.readUInt16BE(i * 6),
      payload.readUInt32BE(i * 6 + 2),
    ]);
    expect(announced).toContainEqual([3, 100]);
    for (let i = 0; i < 101; i++) client.send(headers(i * 2 + 1, get()));
    expect(await client.ended(201)).toEqual({ reset: ErrorCode.RefusedStream });
    await eventually('the others have reached the backend', () => backend.requests.length === 100);
    await client.pong();
    for (const socket of backend.sockets) socket.write(ok('served'));
    for (let i = 0; i < 100; i++) {
      expect(await client.ended(i * 2 + 1)).toBe('complete');
      expect(client.content(i * 2 + 1).toString()).toBe('served');
    }
  });

  // E19
  it('lets a request that says nothing live on, as long as its client is heard of', async () => {
    const { backend, proxy } = await scope.pair(
      { onHead: ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n') },
      { listeners: [listener({ timeouts: { ...listener().timeouts, idleMs: 2_000 } })] },
    );
    const client = await scope.rawH2(proxy);
    const lonely = await scope.rawH2(proxy);
    client.send(headers(1, post(), 0));
    lonely.send(headers(1, post(), 0));
    expect(await client.status(1)).toBe(200);
    const pings = setInterval(() => client.send(frame(FrameType.Ping, 0, 0, Buffer.alloc(8))), 200);
    expect(await lonely.ended(1)).toEqual({ reset: ErrorCode.InternalError });
    // Twice as long as the other one lived.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    clearInterval(pings);
    for (const socket of backend.sockets) socket.write('2\r\nhi\r\n0\r\n\r\n');
    client.send(data(1, '', Flag.EndStream));
    expect(await client.ended(1)).toBe('complete');
    expect(client.content(1).toString()).toBe('hi');
  });

  it('ends a connection whose preface is only half of one', async () => {
    const { proxy, alive } = await hanging();
    const client = scope.keep(await RawH2Client.open(proxy.port));
    client.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'));
    await client.closed();
    await alive();
  });
});
