import { get } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAddress, serveAdmin, serveAdminPages, type AdminServer } from '../../../lib/admin-server.ts';
import { freePorts } from '../../support/free-ports.ts';

describe('admin pages', () => {
  let server: AdminServer | undefined;
  afterEach(() => server?.close());
  const routes = {
    'GET /healthz': () => ({ body: 'ok\n' }),
    'GET /readyz': () => ({ status: 503, body: 'not ready\n' }),
    'GET /metrics': () => ({ body: 'up 1\n' }),
    'GET /debug/snapshot': () => ({ body: { secret: true } }),
    'POST /drain': () => ({ body: 'draining\n' }),
  };
  const ask = async (port: number, path: string, method = 'GET'): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}${path}`, { method })).status;

  // J09
  it('are few for probes and for metrics, wherever those listen', async () => {
    const [probes, metrics] = await freePorts(2);
    server = await serveAdminPages(
      { admin: '127.0.0.1:0', probes: `0.0.0.0:${probes}`, metrics: `:${metrics}` },
      routes,
    );
    const admin = parseAddress(server.address).port;
    const statuses = async (port: number): Promise<number[]> =>
      Promise.all([
        ask(port, '/healthz'),
        ask(port, '/readyz'),
        ask(port, '/metrics'),
        ask(port, '/debug/snapshot'),
        ask(port, '/debug/../debug/snapshot'),
        ask(port, '/drain', 'POST'),
      ]);
    expect(await statuses(admin)).toEqual([200, 503, 200, 200, 200, 200]);
    expect(await statuses(probes!)).toEqual([200, 503, 404, 404, 404, 404]);
    expect(await statuses(metrics!)).toEqual([404, 404, 200, 404, 404, 404]);
  });

  // J09
  it('outlive every target that a client can send', async () => {
    server = await serveAdmin('127.0.0.1:0', routes);
    const { port } = parseAddress(server.address);
    const as = (target: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () =>
          socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
        );
        let answer = '';
        socket.on('data', (data) => (answer += String(data)));
        socket.on('close', () => resolve(answer.slice(9, 12)));
        socket.on('error', reject);
      });
    const targets = ['//', 'http://[', '/\\\\', '//[', '*', '/%zz', '/healthz'];
    const answers: string[] = [];
    for (const target of targets) answers.push(await as(target));
    expect(answers).toEqual(['400', '400', '400', '400', '404', '404', '200']);
  });

  // J09
  it('on loopback are for this machine, not for a page whose name has come to mean it', async () => {
    server = await serveAdmin('127.0.0.1:0', routes);
    const { port } = parseAddress(server.address);
    const as = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        get({ host: '127.0.0.1', port, path: '/healthz', headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).on('error', reject);
      });
    for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', `[::1]:${port}`]) {
      expect(await as(host)).toBe(200);
    }
    for (const host of ['example.com', `example.com:${port}`, 'localhost.example.com']) {
      expect(await as(host)).toBe(403);
    }
  });

  it('leave nothing open when one of the addresses is taken', async () => {
    const taken = await serveAdmin('127.0.0.1:0', routes);
    const [admin] = await freePorts(1);
    await expect(
      serveAdminPages({ admin: `127.0.0.1:${admin}`, probes: taken.address }, routes),
    ).rejects.toThrow('something else listens there');
    await expect(fetch(`http://127.0.0.1:${admin}/healthz`)).rejects.toThrow('fetch failed');
    await taken.close();
  });
});
