import { afterEach, describe, expect, it } from 'vitest';
import type { PoolConfig } from '../../../api/snapshot.ts';
import { MAX_HOPS } from '../../../proxy/http/h1/limits.ts';
import { endpoint, listener, route, routeMatch } from '../../support/builders.ts';
import { ok, ScriptedBackend } from '../../support/http/backend.ts';
import { HttpProxy } from '../../support/http/proxy.ts';

/** Section B of the catalogue on real sockets: target, host, and who says where a request comes from. */
describe('what a backend is told', () => {
  const closing: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const part of closing.splice(0).reverse()) await part.close();
  });

  async function start(config: Partial<PoolConfig> = {}) {
    const backend = await ScriptedBackend.start(({ socket, request }) => socket.write(ok(request.target)));
    const proxy = await HttpProxy.start({ ports: [backend.port], config });
    closing.push(backend, proxy);
    return { backend, proxy };
  }

  /** Two backends: `admin` by the given route, `v1` for the rest. Each answers with its name and the target. */
  async function startRouted(over: Parameters<typeof route>[0]) {
    const named = async (name: string) =>
      ScriptedBackend.start(({ socket, request }) => socket.write(ok(`${name} ${request.target}`)));
    const [admin, rest] = [await named('admin'), await named('rest')];
    const proxy = await HttpProxy.start({
      endpoints: { v1: [endpoint({ port: rest.port })], admin: [endpoint({ port: admin.port })] },
      config: { routes: [route({ backendRefs: [{ name: 'admin', weight: 1, priority: 0 }], ...over })] },
    });
    closing.push(admin, rest, proxy);
    return { admin, rest, proxy };
  }

  const CLAIMS = [
    'X-Forwarded-For: 198.51.100.7',
    'x-FORWARDED-for: 198.51.100.8',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Port: 443',
    'X-Forwarded-Prefix: /evil',
    'X-Real-IP: 198.51.100.7',
    'Forwarded: for=198.51.100.7;proto=https',
    'X_Forwarded_For: 198.51.100.9',
  ];
  const withLines = (lines: readonly string[], host = 'a') =>
    `GET / HTTP/1.1\r\nHost: ${host}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
  const identity = (head: string) =>
    head.split('\r\n').filter((line) => /^(?:x[-_]forwarded|forwarded|x-real)/i.test(line));

  // B09, B10
  it('is what the proxy knows, whatever a client claims', async () => {
    const { backend, proxy } = await start();
    await proxy.request(withLines(CLAIMS, 'shop.example.com'));
    expect(identity(backend.requests[0]!.head)).toEqual([
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Host: shop.example.com',
      'X-Forwarded-Port: 8080',
      'Forwarded: for=127.0.0.1;host="shop.example.com";proto=http',
    ]);
  });

  // B09
  it('is also what a trusted peer says, with the peer added', async () => {
    const clientIP = { source: 'XForwardedFor', trustedHops: 1, trustedCIDRs: ['127.0.0.0/8'] } as const;
    const { backend, proxy } = await start({ listeners: [listener({ clientIP })] });
    await proxy.request(withLines(CLAIMS, 'shop.example.com'));
    expect(identity(backend.requests[0]!.head)).toEqual([
      'X-Forwarded-For: 198.51.100.7, 198.51.100.8, 127.0.0.1',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Port: 443',
      'Forwarded: for=198.51.100.7;proto=https, for=127.0.0.1;host="shop.example.com";proto=http',
      'X-Forwarded-Prefix: /evil',
      'X-Real-IP: 198.51.100.7',
    ]);
    expect(proxy.records[0]!.clientAddress).toBe('198.51.100.8');
  });

  // B11, B12
  it('loses nothing to a Connection header that names it', async () => {
    const { backend, proxy } = await start();
    const named =
      'close, X-Forwarded-For, X-Forwarded-Host, X-Real-IP, Cookie, Authorization, Content-Length, Transfer-Encoding, Host, Via, X-Hop';
    const text = `POST / HTTP/1.1\r\nHost: a\r\nConnection: ${named}\r\nCookie: a=b\r\nAuthorization: Bearer x\r\nX-Hop: 1\r\nContent-Length: 5\r\n\r\nhello`;
    await proxy.request(text);
    const [seen] = backend.requests;
    expect(seen).toMatchObject({ body: 'hello' });
    for (const name of [
      'host',
      'cookie',
      'authorization',
      'content-length',
      'x-forwarded-for',
      'x-forwarded-host',
      'via',
    ]) {
      expect(seen!.header(name)).toBeDefined();
    }
    expect(seen!.head).not.toMatch(/^(?:connection|x-hop)/im);
  });

  // B13, B14, E20
  it('is nothing that concerned the connection to the proxy', async () => {
    const { backend, proxy } = await start();
    const gone = [
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'TE: gzip',
      'Trailer: X-T',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABk',
      'Proxy-Authorization: Basic x',
      'Proxy: http://evil.example',
    ];
    const kept = ['X-Original-URL: /admin', 'X-Rewrite-URL: /admin', 'X-HTTP-Method-Override: DELETE'];
    await proxy.request(withLines([...gone, 'Connection: Upgrade, HTTP2-Settings, TE', ...kept]));
    const { head, method, target } = backend.requests[0]!;
    for (const line of gone)
      expect(head.toLowerCase()).not.toContain(`\r\n${line.split(':')[0]!.toLowerCase()}:`);
    for (const line of kept) expect(head).toContain(`${line}\r\n`);
    expect({ method, target }).toEqual({ method: 'GET', target: '/' });
    await proxy.request(withLines(['TE: trailers']));
    expect(backend.requests[1]!.header('te')).toBe('trailers');
  });

  // B02
  it('is one host, that of an absolute target where there is one', async () => {
    const { admin, rest, proxy } = await startRouted({ hostnames: ['b.example'] });
    const absolute = await proxy.request('GET http://b.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n');
    expect(absolute.body).toBe('admin /x?y');
    expect(admin.requests[0]!.head.match(/^host: .*$/gim)).toEqual(['Host: b.example']);
    expect(admin.requests[0]!.header('x-forwarded-host')).toBe('b.example');
    const origin = await proxy.request('GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n');
    expect(origin.body).toBe('rest /');
    expect(rest.requests[0]!.header('host')).toBe('a.example');
  });

  // B05
  it.each([
    ['a.example.com', 'admin'],
    ['A.Example.COM', 'admin'],
    ['a.example.com.', 'admin'],
    ['a.example.com:8443', 'admin'],
    ['a.example.com.evil', 'rest'],
    ['xa.example.com', 'rest'],
    ['example.com', 'rest'],
    ['b.a.example.com', 'rest'],
  ])('comes to whom the whole host name belongs: %s to %s', async (host, name) => {
    const { proxy } = await startRouted({ hostnames: ['a.example.com'] });
    expect((await proxy.request(withLines([], host))).body).toBe(`${name} /`);
  });

  // B06
  it('is OPTIONS * as it came', async () => {
    const { backend, proxy } = await start();
    expect((await proxy.request('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')).status).toBe(200);
    expect(backend.requests[0]).toMatchObject({ method: 'OPTIONS', target: '*' });
  });

  // B07, B08: no spelling of a path is routed one way and read another; test/unit/proxy/http/fixtures/paths.json.
  it.each([
    ['/admin', 'admin /admin'],
    ['/admin/', 'admin /admin/'],
    ['/admin?x=/..', 'admin /admin?x=/..'],
    ['/a/../admin', 'admin /admin'],
    ['/a/%2e%2e/admin', 'admin /admin'],
    ['/a/./../admin', 'admin /admin'],
    ['//admin', 'admin /admin'],
    ['/./admin', 'admin /admin'],
    ['/%61dmin', 'admin /admin'],
    ['/a;x=/../admin', 'admin /admin'],
    ['/admin/..', 'rest /'],
    ['/admin/%2e%2e/b', 'rest /b'],
    ['/administration', 'rest /administration'],
    ['/ADMIN', 'rest /ADMIN'],
    ['/%2561dmin', 'rest /%2561dmin'],
    ['/%252e%252e/admin', 'rest /%252e%252e/admin'],
  ])('is the path that was routed: %s is %s', async (path, expected) => {
    const { proxy } = await startRouted({
      matches: [routeMatch({ path: { type: 'PathPrefix', value: '/admin' } })],
    });
    expect((await proxy.get(path)).body).toBe(expected);
  });

  // B10: what routing sees is what the backend sees.
  it('cannot be routed by headers that it does not get', async () => {
    const { proxy } = await startRouted({
      matches: ['x-forwarded-prefix', 'x-real-ip', 'x-hop', 'x_tier'].map((name) =>
        routeMatch({ headers: [{ name, type: 'Present' }] }),
      ),
    });
    const lines = [
      'X-Forwarded-Prefix: /a',
      'X-Real-IP: 198.51.100.7',
      'Connection: X-Hop',
      'X-Hop: 1',
      'X_Tier: gold',
    ];
    expect((await proxy.request(withLines(lines))).body).toBe('rest /');
  });

  // B15
  it('is no cookie bomb', async () => {
    const { backend, proxy } = await start();
    const crumbs = Array.from({ length: 300 }, (_, i) => `c${i}=${'x'.repeat(210)}`).join('; ');
    const client = await proxy.connect();
    expect((await client.request(withLines([`Cookie: ${crumbs}`]))).status).toBe(431);
    expect(await client.closed()).toBe('fin');
    const many = await proxy.request(withLines(Array.from({ length: 300 }, (_, i) => `Cookie: c${i}=x`)));
    expect(many.status).toBe(431);
    expect(backend.requests).toEqual([]);
  });

  // B16
  it('does not go in circles', async () => {
    const { proxy } = await start();
    // It has itself as its only backend.
    proxy.update({ ports: [proxy.port] });
    const response = await proxy.get('/loop');
    expect(response.status).toBe(508);
    expect(proxy.records).toHaveLength(MAX_HOPS + 1);
    expect(MAX_HOPS).toBeLessThan(10);
  });
});
