import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { Protocol } from '../../../api/snapshot.ts';
import { endpoint, listener, poolConfig, poolSnapshot } from '../../support/builders.ts';
import { startWholeProxy } from '../../support/whole-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { ok, ScriptedBackend } from '../../support/http/backend.ts';
import { RawClient } from '../../support/http/client.ts';
import { TcpBackend } from '../../support/tcp-backend.ts';
import { dialTcp, readAll } from '../../support/tcp-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('a proxy that has used its memory up', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one.close();
  });
  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    open.push(one);
    return one;
  };

  // F13
  it('turns new work away, finishes what is under way, and takes work again when there is memory', async () => {
    let answer = (): void => {};
    const http = keep(
      await ScriptedBackend.start(({ request, socket }) => {
        if (request.target === '/slow') answer = () => socket.write(ok('done'));
        else socket.write(ok('fine'));
      }),
    );
    const tcp = keep(await TcpBackend.echo());
    const [httpPort, tcpPort] = (await freePorts(2)) as [number, number];
    const memory = { limitBytes: 1_000, used: 100, usedBytes: () => memory.used };
    const proxy = keep(await startWholeProxy({ memory, maxConnections: 1_000 }));
    const pool = (uid: string, protocol: Protocol, port: number, backend: number) =>
      poolSnapshot({
        uid,
        name: uid,
        digest: `sha256:${uid}`,
        config: poolConfig({ listeners: [listener({ protocol, port })] }),
        endpoints: { v1: [endpoint({ port: backend })] },
      });
    const upsert = [pool('http', 'HTTP', httpPort, http.port), pool('tcp', 'TCP', tcpPort, tcp.port)];
    const outcomes = await proxy.apply({ upsert, remove: [] });
    expect([...outcomes.values()]).toEqual([{ ok: true }, { ok: true }]);

    const slow = await RawClient.connect(httpPort);
    slow.send(GET.replace('/ ', '/slow '));
    const session = dialTcp(tcpPort);
    session.write('one');
    await once(session, 'data');
    await eventually('a request is under way', () => http.requests.length === 1);

    memory.used = 960;
    const client = await RawClient.connect(httpPort);
    await eventually('new requests are turned away', async () => (await client.request(GET)).status === 503);
    const refused = await client.request(GET);
    expect(refused.body).toBe('503 the proxy is overloaded (OVERLOADED)\n');
    expect(refused.header('retry-after')).toBe('1');
    expect((await readAll(dialTcp(tcpPort))).error).toBe('ECONNRESET');
    expect((await proxy.scrape('prometheus')).body).toMatch(/^evenkeel_shedding 1$/m);
    session.write('two');
    expect(String((await once(session, 'data'))[0])).toBe('two');
    answer();
    expect((await slow.response()).body).toBe('done');

    memory.used = 500;
    await eventually('new requests are taken', async () => (await client.request(GET)).status === 200);
    expect((await proxy.scrape('prometheus')).body).toMatch(/^evenkeel_shedding 0$/m);
    for (const one of [slow, client]) one.close();
    session.destroy();
  });
});
