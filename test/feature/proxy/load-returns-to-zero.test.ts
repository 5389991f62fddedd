import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Proxy } from '../../../proxy/proxy.ts';
import { BlackHole } from '../../support/black-hole.ts';
import { endpoint, listener, poolConfig, poolSnapshot, resilience } from '../../support/builders.ts';
import { startWholeProxy } from '../../support/whole-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import type { ScriptedBackend } from '../../support/http/backend.ts';
import { get as h2get, headers, PREFACE, settings } from '../../support/http2/frames.ts';
import { mixedBackend } from '../../support/load/mixed-backend.ts';
import { isAtRest } from '../../support/process/at-rest.ts';
import { TcpBackend } from '../../support/tcp-backend.ts';

const AT_ONCE = 20;
const ROUNDS = 2;

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`;
const UPGRADE = get('/ws').replace(
  '\r\n\r\n',
  '\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
);

const HTTP2 = Buffer.concat([
  PREFACE,
  settings(),
  headers(1, h2get('/ok')),
  headers(3, h2get('/ok')),
]).toString('latin1');

/** How a client ends its connection, when it has got as far as it wants. */
type Leaving = 'end' | 'destroy' | 'reset';

interface Client {
  readonly what: string;
  readonly port: 'http' | 'full' | 'hole' | 'tcp' | 'tcpFull';
  readonly send: string;
  /** It leaves when this has come, or a 5xx; absent: at once, when it has sent. */
  readonly until?: string;
  readonly leaving: Leaving;
}

const CLIENTS: readonly Client[] = [
  { what: 'pipelines', port: 'http', send: get('/ok').repeat(5), until: 'ok', leaving: 'end' },
  { what: 'asks once', port: 'http', send: get('/ok'), until: '\r\n\r\nok', leaving: 'end' },
  { what: 'says nothing', port: 'http', send: '', leaving: 'destroy' },
  { what: 'leaves in the head', port: 'http', send: 'GET / HTTP/1.1\r\nHost: a', leaving: 'destroy' },
  {
    what: 'leaves in the body',
    port: 'http',
    send: 'POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome',
    leaving: 'reset',
  },
  {
    what: 'sends a bad chunk',
    port: 'http',
    send: 'POST /ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n',
    until: '400',
    leaving: 'end',
  },
  { what: 'is refused', port: 'http', send: 'GET\r\n\r\n', until: '400', leaving: 'end' },
  { what: 'leaves without an answer', port: 'http', send: get('/never'), leaving: 'destroy' },
  { what: 'leaves in the answer', port: 'http', send: get('/big'), until: '200', leaving: 'reset' },
  { what: 'leaves after half', port: 'http', send: get('/half'), until: 'half', leaving: 'end' },
  { what: 'is told 502', port: 'http', send: get('/reset'), until: '502', leaving: 'end' },
  { what: 'is told 500', port: 'http', send: get('/500'), until: '500', leaving: 'destroy' },
  { what: 'ends its WebSocket', port: 'http', send: UPGRADE, until: '101', leaving: 'end' },
  { what: 'resets its WebSocket', port: 'http', send: UPGRADE, until: '101', leaving: 'reset' },
  { what: 'waits in the queue, leaves', port: 'full', send: get('/never'), leaving: 'destroy' },
  { what: 'waits for a place in vain', port: 'full', send: get('/never'), until: '503', leaving: 'end' },
  { what: 'leaves while connecting', port: 'hole', send: get('/ok'), leaving: 'reset' },
  {
    what: 'waits for a connect in vain',
    port: 'hole',
    send: get('/ok'),
    until: 'HTTP/1.1 503',
    leaving: 'end',
  },
  { what: 'asks over HTTP/2', port: 'http', send: HTTP2, until: 'ok', leaving: 'end' },
  { what: 'leaves HTTP/2 in the middle', port: 'http', send: HTTP2, leaving: 'reset' },
  { what: 'talks TCP', port: 'tcp', send: 'hello', until: 'hello', leaving: 'end' },
  { what: 'leaves TCP', port: 'tcp', send: 'x'.repeat(100_000), leaving: 'reset' },
  { what: 'says nothing on TCP', port: 'tcp', send: '', leaving: 'destroy' },
  { what: 'waits on TCP, leaves', port: 'tcpFull', send: 'hello', leaving: 'destroy' },
];

/** CATALOGUE D10: what a proxy holds, whatever its clients and backends did, when they are gone. */
describe('a proxy under mixed load, and after it', () => {
  let http: ScriptedBackend;
  let tcp: TcpBackend;
  let hole: BlackHole;
  let proxy: Proxy;
  let ports: Record<Client['port'], number>;

  beforeEach(async () => {
    [http, tcp, hole] = await Promise.all([mixedBackend(), TcpBackend.echo(), BlackHole.listen()]);
    const [a, b, c, d, e] = await freePorts(5);
    ports = { http: a!, full: b!, hole: c!, tcp: d!, tcpFull: e! };
    proxy = await startWholeProxy();
    const outcomes = await proxy.apply({
      upsert: [
        pool('http', 'HTTP', http.port),
        pool('full', 'HTTP', http.port, { maxRequestsPerEndpoint: 2, queue: { max: 5, timeoutMs: 50 } }),
        pool('hole', 'HTTP', hole.port),
        pool('tcp', 'TCP', tcp.port),
        pool('tcpFull', 'TCP', tcp.port, { maxRequestsPerEndpoint: 2, queue: { max: 5, timeoutMs: 50 } }),
      ],
      remove: [],
    });
    expect([...outcomes.values()].every(({ ok }) => ok)).toBe(true);
  });

  afterEach(async () => {
    await proxy.close();
    await Promise.all([http.close(), tcp.close(), hole.close()]);
  });

  function pool(name: Client['port'], protocol: 'HTTP' | 'TCP', port: number, limits = {}) {
    return poolSnapshot({
      uid: name,
      name,
      digest: `sha256:${name}`,
      config: poolConfig({
        listeners: [listener({ protocol, port: ports[name] })],
        passive: { ...poolConfig().passive, mode: 'Disabled' },
        resilience: resilience({
          timeouts: {
            connectMs: 300,
            // Where nobody waits for it, longer than this test waits for what is held.
            responseHeaderMs: name === 'http' ? 60_000 : 2_000,
          },
          limits,
        }),
      }),
      endpoints: { v1: [endpoint({ port }), endpoint({ port, targetUid: 'another' })] },
    });
  }

  /** Plays one client to its end; what came back. */
  async function play({ port, send, until, leaving }: Client): Promise<string> {
    const socket = connect({ port: ports[port], host: '127.0.0.1' });
    let got = '';
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => socket.destroy());
    await once(socket, 'connect').catch(() => undefined);
    if (send !== '') socket.write(send, 'latin1');
    if (until === undefined) leave(socket, leaving);
    else {
      socket.on('data', (chunk: Buffer) => {
        got += chunk.toString('latin1');
        // Some of those that wait get a place, or are told of another error first.
        if (got.includes(until) || got.startsWith('HTTP/1.1 5')) leave(socket, leaving);
      });
    }
    await closed;
    return got;
  }

  it('says in its metrics what is open, under way and waiting', async () => {
    const limits = { maxRequestsPerEndpoint: 1, queue: { max: 5, timeoutMs: 60_000 } };
    const patient = pool('full', 'HTTP', http.port, limits);
    await proxy.apply({ upsert: [{ ...patient, digest: 'sha256:patient' }], remove: [] });
    const sends = [
      ['http', ''],
      ['http', UPGRADE],
      ['full', get('/never')],
      ['full', get('/never')],
      ['full', get('/never')],
    ] as const;
    const sockets = sends.map(([port, send]) => {
      const socket = connect({ port: ports[port], host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.write(send, 'latin1');
      return socket;
    });
    const gauges = async (): Promise<string> => {
      const { body } = await proxy.scrape('prometheus');
      const names = ['client_connections', 'requests_in_flight', 'requests_waiting', 'backend_connections'];
      return names.map((name) => new RegExp(`^evenkeel_${name} (\\d+)$`, 'm').exec(body)?.[1]).join(' ');
    };
    await eventually('all have got as far as they get', async () => (await gauges()) === '5 4 1 3');
    for (const socket of sockets) socket.destroy();
    await eventually('nothing is left', async () => (await gauges()) === '0 0 0 0');
  });

  it('holds nothing any more: no connection, request, wait, connect or timeout, nothing in flight', async () => {
    const all = Array.from({ length: AT_ONCE }, () => CLIENTS).flat();
    for (let round = 0; round < ROUNDS; round++) {
      const got = await Promise.all(all.map(play));
      const missed = CLIENTS.filter(({ what, until }) => {
        const mine = got.filter((_, index) => all[index]!.what === what);
        return until !== undefined && !mine.some((text) => text.includes(until));
      });
      expect(missed).toEqual([]);
    }
    const idle = await eventually('only idle connections to backends are left', async () => {
      const load = await proxy.load();
      return isAtRest(load) ? load : Promise.reject(new Error(JSON.stringify(load)));
    });
    expect(idle.workers).toHaveLength(2);

    await http.refuse();
    await eventually('those go with their backend', async () => {
      const { workers } = await proxy.load();
      if (workers.every(({ backends, deadlines }) => backends === 0 && deadlines === 0)) return true;
      throw new Error(JSON.stringify(workers));
    });
  }, 60_000);
});

function leave(socket: Socket, how: Leaving): void {
  if (how === 'end') socket.end();
  else if (how === 'destroy') socket.destroy();
  else socket.resetAndDestroy();
}
