import { afterEach, describe, expect, it } from 'vitest';
import type { PoolConfig } from '../../../api/snapshot.ts';
import { formatProxyHeader } from '../../../proxy/listen/proxy-protocol.ts';
import { endpoint, listener, poolConfig } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ok, type ScriptedBackend } from '../../support/http/backend.ts';
import type { SeenResponse } from '../../support/http/client.ts';
import type { HttpProxy } from '../../support/http/proxy.ts';
import { httpScope } from '../../support/http/scope.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const PARTIES = {
  source: { address: '203.0.113.7', port: 4711 },
  destination: { address: '198.51.100.1', port: 80 },
};
const TRUSTED = ['127.0.0.0/8'];

describe('an HTTP port that reads the PROXY protocol', () => {
  const scope = httpScope();
  const accepting = (mode: 'Optional' | 'Required', trustedCIDRs: readonly string[] = TRUSTED) => ({
    listeners: [listener({ proxyProtocol: { mode, trustedCIDRs } })],
  });

  // G01
  it.each([
    ['a line of version 1', formatProxyHeader('V1', PARTIES), '203.0.113.7'],
    ['a header of version 2', formatProxyHeader('V2', PARTIES), '203.0.113.7'],
    ['UNKNOWN', formatProxyHeader('V1', undefined), '127.0.0.1'],
    ['LOCAL', formatProxyHeader('V2', undefined), '127.0.0.1'],
  ])('takes the client from %s, for every request of the connection', async (_, header, address) => {
    const { proxy, backend } = await scope.pair({}, accepting('Required'));
    const client = await proxy.connect();
    client.send(Buffer.concat([header, Buffer.from(GET)]));
    expect((await client.response()).status).toBe(200);
    expect((await client.request(GET)).status).toBe(200);
    expect(backend.requests.map((request) => request.header('x-forwarded-for'))).toEqual([address, address]);
    expect(proxy.records.map(({ clientAddress }) => clientAddress)).toEqual([address, address]);
    client.close();
    await proxy.emptied();
  });

  // G03
  it('reads a header and a request that come byte by byte', async () => {
    const { proxy, backend } = await scope.pair({}, accepting('Required'));
    const client = await proxy.connect();
    for (const byte of Buffer.concat([formatProxyHeader('V2', PARTIES), Buffer.from(GET)])) {
      client.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await client.response()).status).toBe(200);
    expect(backend.requests[0]!.header('x-forwarded-for')).toBe('203.0.113.7');
  });

  // G03
  it('closes when the header is not complete in 3 s', async () => {
    const { proxy, backend } = await scope.pair({}, accepting('Required'));
    const started = performance.now();
    const client = await proxy.connect();
    client.send(formatProxyHeader('V2', PARTIES).subarray(0, 20));
    await client.closed();
    expect(performance.now() - started).toBeGreaterThan(2_900);
    expect(client.received).toBe('');
    expect(backend.connections).toBe(0);
    await proxy.emptied();
  });

  // G02, G04, G05
  it.each([
    ['a request where a header is required', accepting('Required'), GET],
    ['a header that is none', accepting('Optional'), `PROXY TCP4 1.2.3.4\r\n${GET}`],
    ['a line that ends with LF', accepting('Optional'), `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n${GET}`],
    ['an octal address', accepting('Optional'), `PROXY TCP4 0300.0.2.1 192.0.2.2 1 2\r\n${GET}`],
    [
      'a field past the end',
      accepting('Required'),
      Buffer.concat([
        formatProxyHeader('V2', PARTIES).subarray(0, 14),
        Buffer.from([0, 15]),
        formatProxyHeader('V2', PARTIES).subarray(16),
        Buffer.from([4, 0, 9]),
        Buffer.from(GET),
      ]),
    ],
    [
      'a header from a peer that is not trusted',
      accepting('Optional', ['192.0.2.0/24']),
      `PROXY TCP4 203.0.113.7 198.51.100.1 4711 80\r\n${GET}`,
    ],
  ])('closes on %s, and nothing reaches a backend', async (_, config, bytes) => {
    const { proxy, backend } = await scope.pair({}, config);
    const client = await proxy.connect();
    client.send(bytes);
    await client.closed();
    expect(client.received).toBe('');
    await eventually('it is logged', () => proxy.records.length === 1);
    expect(proxy.records[0]).toMatchObject({ reason: 'proxy_protocol', clientAddress: '127.0.0.1' });
    expect(backend.connections).toBe(0);
    await proxy.emptied();
  });

  it('needs none where it is optional', async () => {
    for (const trusted of [TRUSTED, ['192.0.2.0/24']]) {
      const { proxy, backend } = await scope.pair({}, accepting('Optional', trusted));
      expect((await proxy.get()).status).toBe(200);
      expect(backend.requests[0]!.header('x-forwarded-for')).toBe('127.0.0.1');
    }
  });

  describe('uses the address it carries', () => {
    const backends: ScriptedBackend[] = [];
    afterEach(() => {
      backends.length = 0;
    });

    async function serving(config: Partial<PoolConfig>): Promise<HttpProxy> {
      for (const name of ['one', 'two', 'three']) backends.push(await scope.backend({ name }));
      return scope.proxy({
        ports: backends.map(({ port }) => port),
        config: { ...accepting('Required'), ...config },
      });
    }

    /** What the client at this address gets, on a connection of its own. */
    async function from(address: string, proxy: HttpProxy, head = GET): Promise<SeenResponse> {
      return proxy.request(`PROXY TCP4 ${address} 198.51.100.1 4711 80\r\n${head}`);
    }

    it('to hash', async () => {
      const proxy = await serving({
        loadBalancing: { ...poolConfig().loadBalancing, algorithm: 'SourceIPHash' },
      });
      const seen = new Set<string>();
      for (let client = 1; client <= 12; client++) {
        const { body } = await from(`203.0.113.${client}`, proxy);
        expect((await from(`203.0.113.${client}`, proxy)).body).toBe(body);
        seen.add(body);
      }
      expect([...seen].toSorted()).toEqual(['one', 'three', 'two']);
    });

    it('for access rules and routes', async () => {
      const accessRules = { allowCIDRs: [], denyCIDRs: ['203.0.113.0/24'] };
      const proxy = await serving({
        listeners: [listener({ proxyProtocol: { mode: 'Required', trustedCIDRs: TRUSTED }, accessRules })],
      });
      expect((await from('203.0.113.7', proxy)).status).toBe(403);
      expect((await from('198.51.100.7', proxy)).status).toBe(200);
    });

    it('as the peer whose X-Forwarded-For is believed, or is not', async () => {
      const clientIP = { source: 'XForwardedFor', trustedHops: 1, trustedCIDRs: ['203.0.113.0/24'] } as const;
      const proxy = await serving({
        listeners: [listener({ proxyProtocol: { mode: 'Required', trustedCIDRs: TRUSTED }, clientIP })],
      });
      const head = 'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.55\r\n\r\n';
      await from('203.0.113.7', proxy, head);
      await from('198.51.100.7', proxy, head);
      expect(proxy.records.map(({ clientAddress }) => clientAddress)).toEqual(['192.0.2.55', '198.51.100.7']);
      const lines = backends.flatMap(({ requests }) =>
        requests.map((seen) => seen.header('x-forwarded-for')),
      );
      expect(new Set(lines)).toEqual(new Set(['192.0.2.55, 203.0.113.7', '198.51.100.7']));
    });
  });
});

describe('a pool that speaks the PROXY protocol to HTTP backends', () => {
  const scope = httpScope();

  // G14
  it.each(['V1', 'V2'] as const)('says in %s whose each connection is, and shares none', async (version) => {
    const seen: Buffer[] = [];
    const backend = await scope.backend({
      onConnection: (socket) => {
        let all = Buffer.alloc(0);
        socket.on('data', (bytes: Buffer) => {
          all = Buffer.concat([all, bytes]);
          if (!all.includes('GET / HTTP/1.1') || !all.toString('latin1').endsWith('\r\n\r\n')) return;
          seen.push(all);
          socket.write(ok('x'));
        });
      },
    });
    const proxy = await scope.proxy({
      ports: [backend.port],
      config: {
        backendProxyProtocol: version,
        listeners: [listener({ proxyProtocol: { mode: 'Optional', trustedCIDRs: TRUSTED } })],
      },
    });
    const client = await proxy.connect();
    client.send(Buffer.concat([formatProxyHeader('V1', PARTIES), Buffer.from(GET)]));
    expect((await client.response()).status).toBe(200);
    expect((await client.request(GET)).status).toBe(200);
    expect(backend.connections).toBe(2);
    const header = formatProxyHeader(version, PARTIES);
    for (const bytes of seen) expect(bytes.subarray(0, header.length)).toEqual(header);
  });

  it('names the connection’s own ends where no header came in', async () => {
    let line = '';
    const backend = await scope.backend({
      onConnection: (socket) => {
        socket.on('data', (bytes: Buffer) => {
          line += bytes.toString('latin1');
          if (line.endsWith('\r\n\r\n')) socket.write(ok('x'));
        });
      },
    });
    const proxy = await scope.proxy({ ports: [backend.port], config: { backendProxyProtocol: 'V1' } });
    expect((await proxy.get()).status).toBe(200);
    expect(line).toMatch(
      new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${proxy.port}\\r\\nGET `),
    );
  });
});

describe('an endpoint that leaves', () => {
  const scope = httpScope();

  it('keeps its requests for the drain time, and no longer', async () => {
    const lifecycle = { ...poolConfig().lifecycle, drainTimeoutMs: 500 };
    const { proxy, backend } = await scope.pair(
      ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
      { lifecycle },
    );
    const client = await proxy.connect();
    client.send(GET);
    await eventually('half of it is there', () => client.received.endsWith('half'));
    const started = performance.now();
    proxy.update({ endpoints: { v1: [endpoint({ port: backend.port + 1 })] }, config: { lifecycle } });
    expect(await client.closed()).toBe('reset');
    expect(performance.now() - started).toBeGreaterThan(500);
    await proxy.emptied();
    expect(proxy.records[0]!.error).toBe('SHUTDOWN');
    expect(proxy.passive.filter(({ kind }) => kind === 'failure')).toEqual([]);
  });
});
