import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { systemClock } from '../../../lib/clock.ts';
import { Proxy } from '../../../proxy/proxy.ts';
import { createDemoCertificates } from '../../../standalone/demo-certificates.ts';
import { loadPoolValidator } from '../../../standalone/pool-validator.ts';
import { Standalone } from '../../../standalone/standalone.ts';
import { eventually } from '../../support/eventually.ts';
import { ExampleServer } from '../../support/example-servers.ts';
import { status as Status } from '@grpc/grpc-js';
import { GrpcClient } from '../../support/grpc/client.ts';
import { MovedPorts } from '../../support/example-ports.ts';
import { seededRng } from '../../support/seeded-rng.ts';
import { RawClient } from '../../support/http/client.ts';
import { dialTcp, readAll } from '../../support/tcp-client.ts';
import { dialTls, handshakeError } from '../../support/tls.ts';

const EXAMPLES = new URL('../../../examples/', import.meta.url);
const validator = await loadPoolValidator();
/** As the demo makes them. */
const certificates = await createDemoCertificates(Date.now());

/** What each example says it shows is shown here, on ports of the test's own. */
describe('examples', () => {
  let folder: string;
  let servers: ExampleServer[];
  let proxy: Proxy;
  let standalone: Standalone;
  let ports: MovedPorts;
  const agents: Agent[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-examples-'));
    ports = await MovedPorts.find();
    servers = [1, 2, 3].map(
      (number) => new ExampleServer(String(number), ports.ofServer(number), certificates.server),
    );
    await Promise.all(servers.map((server) => server.start()));
  });

  afterEach(async () => {
    standalone.close();
    await proxy.close();
    for (const agent of agents.splice(0)) agent.destroy();
    for (const server of servers) server.releaseSlow();
    await Promise.all(servers.map((server) => server.kill()));
    await rm(folder, { recursive: true });
  });

  async function run(...examples: readonly string[]): Promise<void> {
    for (const example of examples) {
      const text = await readFile(new URL(example, EXAMPLES), 'utf8');
      await writeFile(join(folder, example), ports.in(text));
    }
    await writeFile(join(folder, 'certificates.yaml'), certificates.manifests);
    const log = pino({ level: 'silent' });
    proxy = await Proxy.start({
      bindAddress: '127.0.0.1',
      workers: 2,
      clock: systemClock,
      rng: seededRng(1),
      log,
      accessLog: false,
      maxConnections: 1_000,
    });
    standalone = await Standalone.start({
      paths: [folder],
      deniedCIDRs: [],
      proxy,
      validator,
      clock: systemClock,
      log,
    });
    expect(standalone.diagnostics).toEqual([]);
    proxy.complete();
    await eventually(`${examples.join()} is ready`, () => proxy.ready);
  }

  interface Reply {
    readonly status: number;
    readonly body: string;
    readonly cookie: string | undefined;
  }

  /** A request over a connection of its own, so that either worker may take it. */
  function send(
    port: number,
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Reply> {
    const agent = new Agent({ keepAlive: false });
    agents.push(agent);
    return new Promise((resolve, reject) => {
      const { method = 'GET', headers = {}, body } = options;
      const sent = request(
        { host: '127.0.0.1', port: ports.of(port), path, method, headers, agent },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              body: text,
              cookie: response.headers['set-cookie']?.[0],
            }),
          );
          response.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  async function serversOf(
    port: number,
    count: number,
    path = '/',
    headers: Record<string, string> = {},
  ): Promise<string> {
    let answers = '';
    for (let i = 0; i < count; i++) answers += (await send(port, path, { headers })).body;
    return answers;
  }

  it('all have a test here', async () => {
    const files = await readdir(EXAMPLES);
    const text = await readFile(new URL(import.meta.url), 'utf8');
    expect(files.filter((file) => !text.includes(`run('${file}')`))).toEqual([]);
    await run('paths.yaml');
  });

  it('can all be served by one process, each with ports of its own', async () => {
    await run(...(await readdir(EXAMPLES)));
  });

  it('round-robin: servers take turns, a killed one is missed by nobody and comes back', async () => {
    await run('round-robin.yaml');
    expect(await serversOf(8080, 9)).toMatch(/^(123123123|231231231|312312312)$/);
    await servers[1]!.kill();
    const replies = await Promise.all(Array.from({ length: 20 }, () => send(8080, '/')));
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(await serversOf(8080, 4)).toMatch(/^(1313|3131)$/);
    await servers[1]!.start();
    await eventually('server 2 is back', async () => (await serversOf(8080, 3)).includes('2'));
  });

  it('weighted: three to one, evenly mixed', async () => {
    await run('weighted.yaml');
    const answers = await serversOf(8081, 16);
    expect(answers.replaceAll('2', '')).toBe('1'.repeat(12));
    expect(answers).not.toMatch(/22|1111/);
  });

  it('least-connections: the server with the fewest in flight is next', async () => {
    await run('least-connections.yaml');
    const slow = [send(8082, '/slow'), send(8082, '/slow')];
    // Should the test fail on its way, nobody waits for these.
    for (const each of slow) each.catch(() => undefined);
    await eventually(
      'two slow requests are under way',
      () => servers.reduce((sum, { slow }) => sum + slow, 0) === 2,
    );
    const idle = servers.find((server) => server.slow === 0)!;
    expect(servers.filter((server) => server.slow === 1)).toHaveLength(2);
    expect(await serversOf(8082, 1)).toBe(idle.name);
    for (const server of servers) server.releaseSlow();
    await Promise.all(slow);
  });

  it('ip-hash: one client address, one server', async () => {
    await run('ip-hash.yaml');
    const seen = new Set<string>();
    for (let client = 1; client <= 12; client++) {
      const answers = await serversOf(8083, 3, '/', { 'x-forwarded-for': `203.0.113.${client}` });
      expect(answers).toMatch(/^(.)\1\1$/);
      seen.add(answers);
    }
    expect(seen.size).toBe(3);
  });

  it('paths: by path, in whole segments', async () => {
    await run('paths.yaml');
    const at = async (path: string): Promise<string> => (await send(8084, path)).body;
    expect([await at('/api/orders'), await at('/api'), await at('/static/logo.svg')]).toEqual([
      '1',
      '1',
      '2',
    ]);
    expect([await at('/'), await at('/apiary')]).toEqual(['3', '3']);
  });

  it('signed-in-users: the same session, the same server; others see the public site', async () => {
    await run('signed-in-users.yaml');
    const seen = new Set<string>();
    for (const session of ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi']) {
      const answers = await serversOf(8085, 3, '/', { cookie: `theme=dark; session=${session}` });
      expect(answers).toMatch(/^([12])\1\1$/);
      seen.add(answers);
    }
    expect(seen.size).toBe(2);
    expect(await serversOf(8085, 2)).toBe('33');
  });

  it('mobile: by user agent', async () => {
    await run('mobile.yaml');
    const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Mobile/15E148';
    expect(await serversOf(8086, 2, '/', { 'user-agent': phone })).toBe('11');
    expect(await serversOf(8086, 2, '/', { 'sec-ch-ua-mobile': '?1' })).toBe('11');
    expect(await serversOf(8086, 2, '/', { 'user-agent': 'curl/8.0' })).toBe('22');
  });

  it('body-routing: by what the JSON body asks for', async () => {
    await run('body-routing.yaml');
    const ask = async (body: string, type = 'application/json'): Promise<string> =>
      (await send(8087, '/v1/complete', { method: 'POST', headers: { 'content-type': type }, body })).body;
    expect(await ask('{"model": "large", "n": 1}')).toBe('1');
    expect(await ask('{"model": "small"}')).toBe('2');
    expect(await ask('{"model": "large"}', 'text/plain')).toBe('2');
    expect(await ask('{"model": ')).toBe('2');
  });

  it('tcp: any protocol, and the next server when one refuses', async () => {
    await run('tcp.yaml');
    const echo = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(ports.of(8088), '127.0.0.1', () => socket.end(text));
        let got = '';
        socket.on('data', (chunk) => (got += String(chunk)));
        socket.on('end', () => resolve(got));
        socket.on('error', reject);
      });
    expect(await echo('hello\n')).toMatch(/^[123]: hello\n$/);
    await servers[0]!.kill();
    await servers[1]!.kill();
    for (let i = 0; i < 6; i++) expect(await echo('hello\n')).toBe('3: hello\n');
  });

  it('udp: a client keeps its server', async () => {
    await run('udp.yaml');
    const client = createSocket('udp4');
    const ask = (text: string): Promise<string> =>
      new Promise((resolve) => {
        client.once('message', (message) => resolve(String(message)));
        client.send(text, ports.of(8089), '127.0.0.1');
      });
    await eventually('the servers are checked', () =>
      standalone.pools[0]?.reports.every(({ verdict }) => verdict.state === 'Healthy'),
    );
    const first = await ask('hello');
    expect(first).toMatch(/^[123]: hello$/);
    for (let i = 0; i < 5; i++) expect(await ask('hello')).toBe(first);
    client.close();
  });

  it('health-checks: each kind takes a server out and brings it back', async () => {
    await run('health-checks.yaml');
    const healthy = (backend: string, count: number) => async (): Promise<boolean> => {
      const reports = standalone.pools[0]?.reports.filter((report) => report.backend === backend) ?? [];
      return reports.filter(({ verdict }) => verdict.state === 'Healthy').length === count;
    };
    for (const [backend, count] of [
      ['http', 2],
      ['tcp', 2],
      ['grpc', 1],
      ['custom', 1],
    ] as const) {
      await eventually(`${backend} is healthy`, healthy(backend, count));
      expect((await send(8090, `/${backend}/x`)).status).toBe(200);
    }
    await servers[0]!.kill();
    for (const [backend, count] of [
      ['http', 1],
      ['tcp', 1],
      ['grpc', 0],
    ] as const) {
      await eventually(`${backend} has seen server 1 go`, healthy(backend, count));
    }
    await servers[0]!.start();
    await servers[1]!.kill();
    await eventually('the prober has seen server 2 go', healthy('custom', 0));
    await eventually('server 1 is back by gRPC', healthy('grpc', 1));
  });

  it('grpc: calls of one client take turns, by service and by method', async () => {
    await run('grpc.yaml');
    const client = new GrpcClient(ports.of(8095));
    const call = async (path: string): Promise<string> => {
      const { messages, status } = await client.unary('', {}, { path });
      return status.code === Status.OK ? String(messages[0]) : `status ${status.code}`;
    };
    try {
      await eventually('all servers have passed their checks', () =>
        standalone.pools[0]?.reports.every(({ verdict }) => verdict.state === 'Healthy'),
      );
      const answers = [];
      for (let i = 0; i < 6; i++) answers.push(await call('/shop.Orders/Get'));
      expect(answers.join('')).toMatch(/^(121212|212121)$/);
      expect(await call('/shop.Carts/Add')).toBe('3');
      expect(await call('/shop.Carts/Empty')).toBe('status 12');
      await servers[0]!.kill();
      for (let i = 0; i < 4; i++) expect(await call('/shop.Orders/Get')).toBe('2');
    } finally {
      await client.close();
    }
  });

  it('maintenance: a drained server takes nothing new', async () => {
    await run('maintenance.yaml');
    expect(await serversOf(8091, 6)).toMatch(/^(131313|313131)$/);
    expect(
      standalone.pools[0]?.reports.find(({ verdict }) => verdict.source === 'Override')?.verdict,
    ).toMatchObject({
      state: 'Draining',
      reason: 'Drain',
    });
  });

  it('failover: the second site takes over, and gives back after the first has recovered', async () => {
    await run('failover.yaml');
    expect(await serversOf(8092, 4)).toMatch(/^(1212|2121)$/);
    await servers[0]!.kill();
    await servers[1]!.kill();
    const replies = await Promise.all(Array.from({ length: 8 }, () => send(8092, '/')));
    expect(replies.map(({ body }) => body).join('')).toBe('33333333');
    await servers[0]!.start();
    await servers[1]!.start();
    await eventually('the first site has it back', async () => /[12]/.test((await send(8092, '/')).body));
  });

  it('affinity: a cookie binds a client to its server, a forged one to none', async () => {
    await run('affinity.yaml');
    const first = await send(8093, '/');
    const cookie = first.cookie?.split(';')[0] ?? '';
    expect(first.cookie).toMatch(/^ek_aff=[^;]+; .*Max-Age=3600/);
    expect(cookie).not.toMatch(/127\.0\.0\.1/);
    expect(await serversOf(8093, 6, '/', { cookie })).toBe(first.body.repeat(6));
    expect(await serversOf(8093, 3, '/', { cookie: 'ek_aff=127.0.0.1:1' })).toMatch(/^[123]{3}$/);
  });

  it('proxy-protocol: the client that the header names is the one that counts', async () => {
    await run('proxy-protocol.yaml');
    await eventually('the probes of the first pool are let in', () =>
      standalone.pools.every(({ reports }) => reports.every(({ verdict }) => verdict.state === 'Healthy')),
    );
    const through = await serversOf(8098, 3);
    expect(through).toMatch(/^([123])\1\1$/);

    const ask = async (header: string): Promise<string> => {
      const socket = dialTcp(ports.of(8099));
      socket.write(`${header}GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n`);
      const { bytes } = await readAll(socket);
      socket.destroy();
      return bytes.toString('latin1');
    };
    const from = (address: string): Promise<string> =>
      ask(`PROXY TCP4 ${address} 198.51.100.1 4711 8099\r\n`);
    const seen = new Set<string>();
    for (let client = 1; client <= 12; client++) {
      const first = await from(`203.0.113.${client}`);
      expect(first).toMatch(/^HTTP\/1\.1 200 [^]*[123]$/);
      expect((await from(`203.0.113.${client}`)).at(-1)).toBe(first.at(-1));
      seen.add(first.at(-1)!);
    }
    expect(seen.size).toBe(3);
    expect(await from('203.0.113.66')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await ask('')).toBe('');
  });

  it('websocket: tunnels spread over the servers, each lives until its server goes', async () => {
    await run('websocket.yaml');
    const open = async (): Promise<WebSocket> => {
      const socket = new WebSocket(`ws://127.0.0.1:${ports.of(8097)}/`);
      await once(socket, 'open');
      return socket;
    };
    const ask = async (socket: WebSocket): Promise<string> => {
      const answer = once(socket, 'message') as Promise<[Buffer]>;
      socket.send('hello');
      return String((await answer)[0]);
    };
    const sockets = [await open(), await open(), await open()];
    const answers = await Promise.all(sockets.map(ask));
    expect(answers.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['1: hello', '2: hello', '3: hello']);
    const [first, ...others] = sockets;
    const closed = once(first!, 'close');
    await servers[Number(answers[0]![0]) - 1]!.kill();
    await closed;
    expect(await ask(others[0]!)).toBe(answers[1]);
    const again = await open();
    expect(await ask(again)).not.toBe(answers[0]);
    for (const socket of [again, ...others]) socket.terminate();
  });

  it('own-answers: what needs no backend is answered without one', async () => {
    await run('own-answers.yaml');
    const at = async (path: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${ports.of(8096)}${path}`, { redirect: 'manual' });
    await eventually('server 1 is healthy', async () => (await send(8096, '/')).body === '1');
    expect(await (await at('/robots.txt')).text()).toBe('User-agent: *\nDisallow: /\n');
    const moved = await at('/old/page');
    expect([moved.status, moved.headers.get('location')]).toEqual([301, moved.url.replace('/old', '/new')]);
    const secure = await at('/secure');
    expect(secure.headers.get('location')).toBe('https://127.0.0.1/secure');
    expect(secure.headers.get('strict-transport-security')).toBe('max-age=31536000');
    await servers[0]!.kill();
    await eventually('the page is there', async () => (await at('/')).status === 503);
    const sorry = await at('/');
    expect(await sorry.text()).toBe('<h1>We are back in a minute.</h1>\n');
    expect(sorry.headers.get('retry-after')).toBe('30');
  });

  it('limits: who may come, how often, and with how much', async () => {
    await run('limits.yaml');
    const at = async (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`http://127.0.0.1:${ports.of(8094)}${path}`, init);
    const as = (client: string): RequestInit => ({ headers: { 'x-forwarded-for': client } });
    expect((await at('/')).status).toBe(200);
    expect((await at('/', as('203.0.113.66'))).status).toBe(403);
    expect((await at('/admin', as('198.51.100.7'))).status).toBe(403);
    expect((await at('/admin', as('10.1.2.3'))).status).toBe(200);
    for (let i = 0; i < 3; i++) expect((await at('/api/')).status).toBe(200);
    const late = await at('/api/');
    expect(late.status).toBe(429);
    const wait = Number(late.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(10);
    expect(wait).toBeLessThanOrEqual(20);
    expect(late.headers.get('ratelimit-policy')).toBe('"route";q=3;w=60');
    expect(late.headers.get('ratelimit')).toBe(`"route";r=0;t=${wait}`);
    expect((await at('/api/', as('198.51.100.7'))).status).toBe(200);
    const sent = { method: 'POST', body: 'x'.repeat(2_000) };
    expect((await at('/', sent)).status).toBe(413);
    expect((await at('/', { ...sent, body: 'x'.repeat(1_000) })).status).toBe(200);
  });

  /** A request over TLS; the certificate is the demo's. */
  async function sendTls(
    port: number,
    servername: string,
  ): Promise<{ head: string; body: string; alpn: string }> {
    const socket = await dialTls(ports.of(port), {
      servername,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    });
    const client = RawClient.on(socket);
    const { head, body } = await client.request(`GET / HTTP/1.1\r\nHost: ${servername}\r\n\r\n`);
    client.close();
    return { head, body, alpn: String(socket.alpnProtocol) };
  }

  it('https: by name, plain HTTP goes there, and clients are told to stay', async () => {
    await run('https.yaml');
    const { head, body, alpn } = await sendTls(8443, 'shop.example.com');
    expect([head.slice(0, 15), alpn]).toEqual(['HTTP/1.1 200 OK', 'http/1.1']);
    expect(body).toMatch(/^[12]$/);
    expect(head).toMatch(/^strict-transport-security: max-age=31536000\r$/im);
    const moved = await fetch(`http://127.0.0.1:${ports.of(8442)}/cart`, { redirect: 'manual' });
    expect([moved.status, moved.headers.get('location')]).toEqual([
      308,
      `https://127.0.0.1:${ports.of(8443)}/cart`,
    ]);
    expect(await handshakeError(ports.of(8443), { servername: 'other.example.com' })).toBe(
      'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
    );
  });

  it('tls-passthrough: the servers end TLS, by the host that is asked for', async () => {
    await run('tls-passthrough.yaml');
    expect((await sendTls(8445, 'a.example.com')).body).toBe('1');
    expect((await sendTls(8445, 'b.example.com')).body).toBe('2');
    expect(await handshakeError(ports.of(8445), { servername: '' })).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
  });

  it('tls-backends: only who shows the right certificate is spoken to', async () => {
    await run('tls-backends.yaml');
    await eventually('both are checked', () =>
      standalone.pools[0]?.reports.every(({ verdict }) => verdict.state === 'Healthy'),
    );
    expect(await serversOf(8446, 4)).toMatch(/^(1212|2121)$/);
    const path = join(folder, 'tls-backends.yaml');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('serverName: backend', 'serverName: other'));
    await eventually('neither is who it should be', () =>
      standalone.pools[0]?.reports.every(({ verdict }) => verdict.reason === 'TLSFailed'),
    );
    // Nobody else is left, so they are tried all the same; the handshake is where it ends.
    expect((await send(8446, '/')).status).toBe(503);
  });
});
