import { describe, expect, it } from 'vitest';
import { endpoint, listener, poolConfig } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ok } from '../../support/http/backend.ts';
import { httpScope } from '../../support/http/scope.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('the PROXY protocol on an HTTP port', () => {
  const scope = httpScope();
  const accepting = (mode: 'Optional' | 'Required') => ({
    listeners: [listener({ proxyProtocol: { mode, trustedCIDRs: ['127.0.0.0/8'] } })],
  });

  it('says who the client is', async () => {
    const { proxy, backend } = await scope.pair({}, accepting('Required'));
    const client = await proxy.connect();
    client.send(`PROXY TCP4 203.0.113.7 198.51.100.1 4711 80\r\n${GET}`);
    expect((await client.response()).status).toBe(200);
    expect((await client.request(GET)).status).toBe(200);
    expect(backend.requests.map((request) => request.header('x-forwarded-for'))).toEqual([
      '203.0.113.7',
      '203.0.113.7',
    ]);
    expect(proxy.records[0]!.clientAddress).toBe('203.0.113.7');
    client.close();
    await proxy.emptied();
  });

  it('may be left out where it is optional, and not where it is required', async () => {
    const optional = await scope.pair({}, accepting('Optional'));
    expect((await optional.proxy.get()).status).toBe(200);
    const required = await scope.pair({}, accepting('Required'));
    const client = await required.proxy.connect();
    client.send(GET);
    await client.closed();
    expect(client.received).toBe('');
    expect(required.proxy.records[0]).toMatchObject({ reason: 'proxy_protocol' });
    expect(required.backend.connections).toBe(0);
  });

  it('tells a backend whose connection each one is, and shares none', async () => {
    const seen: string[] = [];
    const backend = await scope.backend({
      onConnection: (socket) => {
        let text = '';
        socket.on('data', (bytes: Buffer) => {
          text += bytes.toString('latin1');
          if (!text.endsWith('\r\n\r\n')) return;
          seen.push(text.slice(0, text.indexOf('\r\n')));
          text = '';
          socket.write(ok('x'));
        });
      },
    });
    const proxy = await scope.proxy({ ports: [backend.port], config: { backendProxyProtocol: 'V1' } });
    const client = await proxy.connect();
    expect((await client.request(GET)).status).toBe(200);
    expect((await client.request(GET)).status).toBe(200);
    expect(backend.connections).toBe(2);
    for (const line of seen) expect(line).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+$/);
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
