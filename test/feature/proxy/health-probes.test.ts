import { createServer as createHttpServer } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ActiveCheck, ProbeConfig } from '../../../api/snapshot.ts';
import { systemClock } from '../../../lib/clock.ts';
import { encodeCheckRequest } from '../../../proxy/health/grpc-health.ts';
import { createProber } from '../../../proxy/health/prober.ts';
import { probeSpec, type ProbeResult } from '../../../proxy/health/probe.ts';
import { activeCheck } from '../../support/builders.ts';
import {
  blackHole,
  closedPort,
  http2Target,
  httpTarget,
  tcpTarget,
  udpTarget,
  type Target,
} from '../../support/probe-targets.ts';

/** Long enough for a loaded machine to answer, short where the answer is to stay away. */
const PATIENT = 10_000;
const BRIEF = 150;

const prober = createProber(systemClock);
const open: Target[] = [];

afterEach(async () => {
  for (const target of open.splice(0)) await target.close();
});

async function opened(target: Promise<Target>): Promise<Target> {
  open.push(await target);
  return target;
}

interface Asked {
  readonly probe: ProbeConfig;
  readonly port: number;
  readonly timeoutMs?: number;
  readonly address?: string;
  readonly proxyProtocol?: 'V1' | 'V2';
}

async function ask(asked: Asked): Promise<string> {
  for (;;) {
    const said = await askOnce(asked);
    // A loaded machine may stop this very process for a while; the probe rightly learns nothing from that.
    if (!said.startsWith('unknown: the proxy itself stood still')) return said;
  }
}

function askOnce({
  probe,
  port,
  timeoutMs = PATIENT,
  address = '127.0.0.1',
  ...more
}: Asked): Promise<string> {
  const check: ActiveCheck = activeCheck({ probe, timeoutMs, ...more });
  const spec = probeSpec(check, { pool: 'shop/checkout', backend: 'v1' });
  return new Promise((resolve) => {
    prober.run({ address, port, spec }, (result) => resolve(show(result)));
  });
}

function show(result: ProbeResult): string {
  if (result.kind === 'pass') return 'pass';
  return result.kind === 'fail' ? `${result.reason}: ${result.message}` : `unknown: ${result.message}`;
}

const http = (over: Partial<Extract<ProbeConfig, { type: 'HTTP' }>> = {}): ProbeConfig => ({
  type: 'HTTP',
  path: '/healthz',
  method: 'GET',
  headers: [],
  expectedStatuses: [{ start: 200, end: 299 }],
  ...over,
});

/** Nobody listens there, whatever is asked. */
describe.each<[string, ProbeConfig]>([
  ['TCP', { type: 'TCP' }],
  ['HTTP', http()],
  ['HTTP/2', http({ version: 'HTTP/2' })],
  ['GRPC', { type: 'GRPC', service: '' }],
  ['UDP', { type: 'UDP', send: 'PING', expect: 'PONG' }],
])('a %s probe', (_, probe) => {
  it('sees a closed port as refused', async () => {
    expect(await ask({ probe, port: await closedPort() })).toBe('ConnectRefused: connection refused');
  });

  it('calls nobody back once it is cancelled', async () => {
    const target = await opened(tcpTarget(() => {}));
    const spec = probeSpec(activeCheck({ probe, timeoutMs: BRIEF }), { pool: '', backend: '' });
    let called = false;
    const cancel = prober.run({ address: '127.0.0.1', port: target.port, spec }, () => (called = true));
    cancel();
    // Another probe of the same length that starts later ends later.
    await ask({ probe: { type: 'TCP', expect: 'never' }, port: target.port, timeoutMs: BRIEF });
    expect(called).toBe(false);
  });
});

describe.each<[string, ProbeConfig]>([
  ['TCP', { type: 'TCP', expect: 'PONG' }],
  ['HTTP', http()],
  ['HTTP/2', http({ version: 'HTTP/2' })],
  ['GRPC', { type: 'GRPC', service: '' }],
])('a %s probe', (_, probe) => {
  it('gives up on a server that accepts and stays silent', async () => {
    // H02
    const { port } = await opened(tcpTarget(() => {}));
    expect(await ask({ probe, port, timeoutMs: BRIEF })).toBe(
      `Timeout: no complete answer within ${BRIEF} ms`,
    );
  });

  it('reports a server that resets the connection', async () => {
    const { port } = await opened(tcpTarget((socket) => socket.once('data', () => socket.resetAndDestroy())));
    const asked = probe.type === 'TCP' ? { ...probe, send: 'PING' } : probe;
    expect(await ask({ probe: asked, port })).toMatch(/^ProtocolError: connection broke .*ECONNRESET$/);
  });
});

/** A backend that asks for the header refuses what comes without it. */
describe.each<[string, ProbeConfig]>([
  ['TCP', { type: 'TCP', send: 'PING', expect: 'PONG' }],
  ['HTTP', http()],
  ['GRPC', { type: 'GRPC', service: '' }],
])('a %s probe of a pool that sends the PROXY protocol', (_, probe) => {
  it.each([
    ['V1', Buffer.from('PROXY UNKNOWN\r\n')],
    ['V2', Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')],
  ] as const)('begins with a %s header that names nobody', async (proxyProtocol, header) => {
    const received = Promise.withResolvers<Buffer>();
    const { port } = await opened(
      tcpTarget((socket) => {
        let all = Buffer.alloc(0);
        socket.on('data', (bytes: Buffer) => {
          all = Buffer.concat([all, bytes]);
          if (all.length > header.length + 3) received.resolve(all);
        });
      }),
    );
    const asked = ask({ probe, port, timeoutMs: BRIEF, proxyProtocol });
    const bytes = await received.promise;
    expect(bytes.subarray(0, header.length)).toEqual(header);
    expect(bytes.toString('latin1', header.length, header.length + 3)).toMatch(/^(PIN|GET|PRI)$/);
    await asked;
  });
});

describe('a TCP probe', () => {
  it('passes when the connection comes about, over IPv6 too', async () => {
    const { port } = await opened(tcpTarget(() => {}, '::1'));
    expect(await ask({ probe: { type: 'TCP' }, port, address: '::1' })).toBe('pass');
  });

  it('sends and waits for the expected text, also when it comes in pieces', async () => {
    let heard = '';
    const { port } = await opened(
      tcpTarget((socket) => {
        socket.on('data', (chunk) => {
          heard += chunk.toString();
          socket.write('+PO');
          setImmediate(() => socket.write('NG\r\n'));
        });
      }),
    );
    expect(await ask({ probe: { type: 'TCP', send: 'PING\n', expect: 'PONG' }, port })).toBe('pass');
    expect(heard).toBe('PING\n');
  });

  it('delivers what it sends when it expects nothing', async () => {
    const heard = Promise.withResolvers<string>();
    const { port } = await opened(
      tcpTarget((socket) => socket.on('data', (chunk) => heard.resolve(chunk.toString()))),
    );
    expect(await ask({ probe: { type: 'TCP', send: 'hello' }, port })).toBe('pass');
    expect(await heard.promise).toBe('hello');
  });

  it.each([
    ['closes after it', (text: string) => tcpTarget((socket) => void socket.end(text))],
    ['stays open', (text: string) => tcpTarget((socket) => void socket.write(text))],
  ])(
    'does not take another banner, whether the server %s or not, and does not quote it',
    async (_, serve) => {
      const { port } = await opened(serve('SSH-2.0-secret\r\n'));
      expect(await ask({ probe: { type: 'TCP', expect: 'SMTP' }, port, timeoutMs: 500 })).toBe(
        'UnexpectedReply: the reply does not contain the expected text',
      );
    },
  );

  it('stops reading a server that never stops talking', async () => {
    const { port } = await opened(tcpTarget((socket) => flood(socket, 'x'.repeat(65_536))));
    expect(await ask({ probe: { type: 'TCP', expect: 'PONG' }, port })).toBe(
      'UnexpectedReply: the reply does not contain the expected text',
    );
  });

  it('times out where packets are dropped', async () => {
    // H03
    const hole = blackHole();
    const { port } = await opened(hole);
    expect(await ask({ probe: { type: 'TCP' }, port, timeoutMs: BRIEF })).toBe(
      `ConnectTimeout: no connection within ${BRIEF} ms`,
    );
    (await hole).resume();
    expect(await ask({ probe: { type: 'TCP' }, port })).toBe('pass');
  });
});

describe('an HTTP probe', () => {
  it('asks for what it is told, and closes', async () => {
    const heads: string[] = [];
    const { port } = await opened(
      httpTarget((socket, head) => {
        heads.push(head);
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      }),
    );
    expect(
      await ask({ probe: http({ expectedBody: 'ok', headers: [{ name: 'x-probe', value: '1' }] }), port }),
    ).toBe('pass');
    expect(heads).toEqual([
      `GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nuser-agent: evenkeel-health-check\r\naccept: */*\r\nconnection: close\r\nx-probe: 1\r\n\r\n`,
    ]);
  });

  it('understands a common server', async () => {
    const server = createHttpServer((request, response) => {
      response.writeHead(request.url === '/healthz' ? 200 : 404);
      for (let i = 0; i < 5; i++) response.write(`part ${i}\n`);
      response.end('end');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await ask({ probe: http({ expectedBody: '4\nend' }), port })).toBe('pass');
    expect(await ask({ probe: http({ path: '/other' }), port })).toBe(
      'UnexpectedStatus: HTTP 404, wanted 200-299',
    );
    expect(await ask({ probe: http({ method: 'HEAD' }), port })).toBe('pass');
    await new Promise((resolve) => server.close(resolve));
  });

  it('does not follow a redirect', async () => {
    // H09, J08
    const elsewhere = await opened(httpTarget('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const { port } = await opened(
      httpTarget(
        `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${elsewhere.port}/\r\nContent-Length: 0\r\n\r\n`,
      ),
    );
    expect(await ask({ probe: http(), port })).toBe('UnexpectedStatus: HTTP 302, wanted 200-299');
    expect(elsewhere.accepted()).toBe(0);
  });

  it.each([
    ['announced', `HTTP/1.1 200 OK\r\nContent-Length: ${2 ** 30}\r\n\r\n`],
    ['unannounced', 'HTTP/1.1 200 OK\r\n\r\n'],
  ])('gives up on a body of 1 GiB (%s) after 64 KiB', async (_, head) => {
    // H09
    let sent = 0;
    const { port } = await opened(
      httpTarget((socket) => {
        socket.write(head);
        flood(socket, 'x'.repeat(65_536), (bytes) => (sent += bytes));
      }),
    );
    expect(await ask({ probe: http(), port })).toBe('UnexpectedBody: the body is longer than 64 KiB');
    // What the kernel's buffers took, and no more.
    expect(sent).toBeLessThan(32 * 2 ** 20);
  });

  it.each([
    ['the status line', ''],
    ['the head', 'HTTP/1.1 200 OK\r\nServer: x\r\n'],
    ['the body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
  ])('gives up on an answer that hangs in %s, also when it drips', async (_, start) => {
    // H09
    const { port } = await opened(httpTarget((socket) => void socket.write(start)));
    expect(await ask({ probe: http(), port, timeoutMs: BRIEF })).toBe(
      `Timeout: no complete answer within ${BRIEF} ms`,
    );
  });

  it('keeps its total time when bytes drip in', async () => {
    const { port } = await opened(
      httpTarget((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const timer = setInterval(() => socket.write('x'), 10);
        socket.on('close', () => clearInterval(timer));
      }),
    );
    expect(await ask({ probe: http(), port, timeoutMs: BRIEF })).toBe(
      `Timeout: no complete answer within ${BRIEF} ms`,
    );
  });

  it('tells a server that speaks something else', async () => {
    const { port } = await opened(httpTarget('220 mail.example.com ESMTP\r\n\r\n'));
    expect(await ask({ probe: http(), port })).toBe(
      'ProtocolError: the answer is not valid HTTP/1.1: status_line',
    );
  });
});

describe('an HTTP probe in HTTP/2', () => {
  const http2 = (over: Parameters<typeof http>[0] = {}): ProbeConfig => http({ version: 'HTTP/2', ...over });

  it('asks like one in HTTP/1.1', async () => {
    const asked: IncomingHttpHeaders[] = [];
    const { port } = await opened(
      http2Target((stream, headers) => {
        asked.push(headers);
        stream.respond({ ':status': 204 }, { endStream: true });
      }),
    );
    const headers = [{ name: 'user-agent', value: 'mine' }];
    expect(await ask({ probe: http2(), port })).toBe('pass');
    expect(await ask({ probe: http2({ method: 'POST', host: 'a.example', headers }), port })).toBe('pass');
    expect(asked).toMatchObject([
      { ':path': '/healthz', ':authority': `127.0.0.1:${port}`, 'user-agent': 'evenkeel-health-check' },
      { ':method': 'POST', ':authority': 'a.example', 'user-agent': 'mine', 'content-length': '0' },
    ]);
  });

  it.each<[string, Parameters<typeof http>[0], string]>([
    ['a status', {}, 'pass'],
    [
      'another status',
      { expectedStatuses: [{ start: 204, end: 204 }] },
      'UnexpectedStatus: HTTP 200, wanted 204',
    ],
    ['a body', { expectedBody: 'all well' }, 'pass'],
    ['another body', { expectedBody: 'ill' }, 'UnexpectedBody: the body does not contain the expected text'],
    ['HEAD', { method: 'HEAD' }, 'pass'],
    ['POST', { method: 'POST', headers: [{ name: 'x-a', value: 'b' }] }, 'pass'],
  ])('wants what it is told: %s', async (_, over, expected) => {
    const { port } = await opened(
      http2Target((stream, { ':method': method }) => {
        stream.respond({ ':status': 200 }, { endStream: method === 'HEAD' });
        if (method !== 'HEAD') stream.end('all is well, all well');
      }),
    );
    expect(await ask({ probe: http2(over), port })).toBe(expected);
  });

  it('stops reading an answer that is far too long', async () => {
    const { port } = await opened(
      http2Target((stream) => {
        stream.respond({ ':status': 200 });
        stream.write(Buffer.alloc(100_000));
      }),
    );
    expect(await ask({ probe: http2(), port })).toBe('UnexpectedBody: the body is longer than 64 KiB');
  });

  it('tells an HTTP/1 server', async () => {
    const { port } = await opened(
      tcpTarget((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    );
    expect(await ask({ probe: http2(), port })).toMatch(/^ProtocolError: /);
  });

  it.each([0, 2, 8])('notices a stream that the server resets with %d', async (code) => {
    const { port } = await opened(http2Target((stream) => stream.close(code)));
    expect(await ask({ probe: http2(), port })).toMatch(/^ProtocolError: /);
  });

  it.each<[string, (stream: ServerHttp2Stream) => void]>([
    ['a connection that is closed', (stream) => stream.session!.destroy()],
    ['a length that is another', (stream) => stream.end()],
  ])('takes no half for the whole: %s', async (_, breakOff) => {
    const { port } = await opened(
      http2Target((stream) => {
        stream.respond({ ':status': 200, 'content-length': '100' });
        stream.write('half', () => breakOff(stream));
      }),
    );
    expect(await ask({ probe: http2({ expectedBody: 'half' }), port })).toMatch(/^\w+: /);
  });
});

describe('a gRPC probe', () => {
  const grpc = (service = ''): ProbeConfig => ({ type: 'GRPC', service });

  function answering(message: number[], grpcStatus: string): Promise<Target> {
    return http2Target((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': grpcStatus }));
      stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]));
    });
  }

  it.each([
    ['SERVING', [8, 1], 'pass'],
    ['NOT_SERVING', [8, 2], 'UnexpectedReply: the service is NOT_SERVING, wanted SERVING'],
    ['no status', [], 'UnexpectedReply: the service is UNKNOWN, wanted SERVING'],
  ])('reads %s', async (_, message, expected) => {
    const { port } = await opened(answering(message, '0'));
    expect(await ask({ probe: grpc(), port })).toBe(expected);
  });

  it('asks about the service it is told', async () => {
    const asked = Promise.withResolvers<{ path: string | undefined; body: Buffer }>();
    const { port } = await opened(
      http2Target((stream, { ':path': path }, body) => {
        void body.then((bytes) => {
          asked.resolve({ path, body: bytes });
          stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true });
        });
      }),
    );
    expect(await ask({ probe: grpc('shop'), port })).toBe(
      'UnexpectedReply: grpc-status 5 (NOT_FOUND), wanted 0',
    );
    expect(await asked.promise).toEqual({
      path: '/grpc.health.v1.Health/Check',
      body: encodeCheckRequest('shop'),
    });
  });

  it('does not believe SERVING with a failed status', async () => {
    const { port } = await opened(answering([8, 1], '14'));
    expect(await ask({ probe: grpc(), port })).toBe(
      'UnexpectedReply: grpc-status 14 (UNAVAILABLE), wanted 0',
    );
  });

  it('tells a plain HTTP/2 server', async () => {
    const { port } = await opened(
      http2Target((stream) => stream.respond({ ':status': 404 }, { endStream: true })),
    );
    expect(await ask({ probe: grpc(), port })).toBe('UnexpectedStatus: HTTP 404, wanted 200');
  });

  it('tells an HTTP/1 server', async () => {
    const { port } = await opened(
      tcpTarget((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    );
    expect(await ask({ probe: grpc(), port })).toMatch(/^ProtocolError: /);
  });

  it('stops reading an answer that is far too long', async () => {
    const { port } = await opened(
      http2Target((stream) => {
        stream.respond({ ':status': 200 });
        stream.write(Buffer.alloc(60_000));
      }),
    );
    expect(await ask({ probe: grpc(), port })).toBe('ProtocolError: the answer is longer than 4 KiB');
  });

  it('notices a stream that the server resets', async () => {
    const { port } = await opened(http2Target((stream) => stream.close(8)));
    expect(await ask({ probe: grpc(), port })).toMatch(/^ProtocolError: /);
  });
});

describe('a UDP probe', () => {
  it('passes on the expected reply, and lets others go by', async () => {
    const { port } = await opened(
      udpTarget((message, reply) => {
        reply('who is there?');
        reply(`PONG ${message.toString()}`);
      }),
    );
    expect(await ask({ probe: { type: 'UDP', send: 'PING', expect: 'PONG PING' }, port })).toBe('pass');
  });

  it.each([
    ['another reply', true, 'UnexpectedReply: the reply does not contain the expected text'],
    ['silence', false, `Timeout: no complete answer within ${BRIEF} ms`],
  ])('fails on %s', async (_, replies, expected) => {
    const { port } = await opened(udpTarget((__, reply) => replies && reply('secret')));
    expect(await ask({ probe: { type: 'UDP', send: 'PING', expect: 'PONG' }, port, timeoutMs: BRIEF })).toBe(
      expected,
    );
  });

  it('without an expected text is content with silence, but not with a closed port', async () => {
    // G11
    const { port } = await opened(udpTarget(() => {}));
    expect(await ask({ probe: { type: 'UDP', send: 'PING' }, port, timeoutMs: BRIEF })).toBe('pass');
    expect(await ask({ probe: { type: 'UDP', send: '' }, port: await closedPort() })).toBe(
      'ConnectRefused: connection refused',
    );
  });
});

describe('a custom probe', () => {
  const custom = (port: number, path = '/check?team=a'): ProbeConfig => ({
    type: 'Custom',
    url: `http://127.0.0.1:${port}${path}`,
  });

  it('asks the prober about the endpoint', async () => {
    const heads: string[] = [];
    const target = await opened(
      httpTarget((socket, head) => {
        heads.push(head.split('\r\n')[0]!);
        socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      }),
    );
    expect(await ask({ probe: custom(target.port), port: 8080, address: 'fd00::1' })).toBe('pass');
    expect(heads).toEqual([
      'GET /check?team=a&address=fd00%3A%3A1&port=8080&backend=v1&pool=shop%2Fcheckout HTTP/1.1',
    ]);
  });

  it('shows the first line of a refusal, made printable', async () => {
    const body = 'replica \u001b[31mlag 40 s\nstack trace: ...';
    const { port } = await opened(
      httpTarget(`HTTP/1.1 503 x\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
    );
    expect(await ask({ probe: custom(port), port: 8080 })).toBe(
      'UnexpectedStatus: the prober says HTTP 503: replica  [31mlag 40 s',
    );
  });

  it('says nothing about an endpoint when the prober is away or breaks off', async () => {
    expect(await ask({ probe: custom(await closedPort()), port: 8080 })).toBe(
      'unknown: the prober does not answer: ECONNREFUSED',
    );
    const { port } = await opened(httpTarget((socket) => socket.resetAndDestroy()));
    expect(await ask({ probe: custom(port), port: 8080 })).toBe(
      'unknown: the prober does not answer: ECONNRESET',
    );
    const half = await opened(httpTarget('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'));
    expect(await ask({ probe: custom(half.port), port: 8080 })).toMatch(
      /^unknown: the prober does not answer/,
    );
  });

  it('fails when the prober does not answer in time, or without end', async () => {
    const silent = await opened(httpTarget(() => {}));
    expect(await ask({ probe: custom(silent.port), port: 8080, timeoutMs: BRIEF })).toBe(
      `Timeout: no complete answer within ${BRIEF} ms`,
    );
    const endless = await opened(
      httpTarget((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        flood(socket, 'x'.repeat(65_536));
      }),
    );
    expect(await ask({ probe: custom(endless.port), port: 8080 })).toBe(
      "UnexpectedBody: the prober's answer is longer than 64 KiB",
    );
  });

  it('keeps its connection to the prober', async () => {
    let connections = 0;
    const server = createHttpServer((_, response) => response.end('fine'));
    server.on('connection', () => connections++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    for (let i = 0; i < 5; i++) expect(await ask({ probe: custom(port), port: 8080 })).toBe('pass');
    expect(connections).toBe(1);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

/** Writes as fast as the peer reads, until the peer goes. */
function flood(socket: Socket, block: string, count: (bytes: number) => void = () => {}): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(block)) count(block.length);
    count(block.length);
  };
  socket.on('drain', more);
  more();
}
