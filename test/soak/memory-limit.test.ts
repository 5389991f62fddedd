import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { ok, ScriptedBackend } from '../support/http/backend.ts';
import { MemoryGroup } from '../support/memory-group.ts';
import { ProxyProcess } from '../support/process/proxy-process.ts';

const BODY_BYTES = 65_536;
const MAX_CLIENTS = 8_000;
/** After it has shed work. */
const FURTHER_CLIENTS = 500;

/** Bodies are read as far as a match asks for: each of these clients takes 64 KiB of the proxy. */
const manifests = (port: number, backend: number): string => `
apiVersion: evenkeel.dev/v1alpha1
kind: LoadBalancerPool
metadata: {name: shop}
spec:
  listeners: [{name: in, protocol: HTTP, port: ${port}, limits: {bodyMatchBytes: ${BODY_BYTES}}, timeouts: {bodyMatch: 60s}}]
  backends: [{name: v1, type: Static, static: {endpoints: [{address: 127.0.0.1, port: ${backend}}]}}]
  routes:
  - name: large
    matches: [{path: {type: PathPrefix, value: /match}, body: {type: JSON, json: {path: "$.model"}, value: {type: Exact, value: large}}}]
    backendRefs: [{name: v1}]
  defaultBackendRefs: [{name: v1}]
`;

const group = MemoryGroup.make();

describe.skipIf(group === undefined)('a proxy in a container whose memory its clients use up', () => {
  const { path } = group ?? { path: '' };
  let backend: ScriptedBackend;
  let answer = (): void => {};
  let port: number;
  const clients: Socket[] = [];

  beforeAll(async () => {
    backend = await ScriptedBackend.start(({ request, socket }) => {
      if (request.target === '/slow') answer = () => socket.write(ok('done'));
      else socket.write(ok('fine'));
    });
    [port] = (await freePorts(1)) as [number];
  });

  afterAll(async () => {
    for (const client of clients) client.destroy();
    await backend.close();
    group?.close();
  });

  const start = (): Promise<ProxyProcess> =>
    ProxyProcess.start({ manifests: manifests(port, backend.port), memoryGroup: path }).then(
      async (proxy) => {
        const atFirst = proxy.residentKiB;
        await eventually('what starting took is given back', () => proxy.residentKiB < 0.95 * atFirst);
        return proxy;
      },
    );
  const ask = (target: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${target}`);

  // F13
  it('lives, sheds what is new, ends what is under way, and takes work again when they have left', async () => {
    const idle = await start();
    const idleKiB = idle.residentKiB;
    await idle.close();
    group!.limit(1.3 * idleKiB * 1_024);
    const proxy = await start();
    try {
      const slow = ask('/slow').then((response) => response.text());
      await eventually('it is under way', () => backend.requests.length === 1);
      const refused = new Set<Socket>();
      while (refused.size === 0 && clients.length < MAX_CLIENTS) await enter(refused);
      const took = clients.length;
      for (let i = 0; i < FURTHER_CLIENTS; i++) await enter(refused);
      await eventually('those behind it are turned away', () => refused.size >= FURTHER_CLIENTS);
      process.stdout.write(`idle ${idleKiB} KiB, shed after ${took} clients at ${proxy.residentKiB} KiB\n`);
      answer();
      expect(await slow).toBe('done');
      for (const client of clients.splice(0)) client.destroy();
      const left = performance.now();
      await eventually('work is taken again', async () => (await ask('/')).ok, 30_000);
      process.stdout.write(`work again after ${Math.round(performance.now() - left)} ms\n`);
      expect(proxy.isRunning).toBe(true);
    } finally {
      await proxy.close();
    }
  }, 120_000);

  /** One more client whose body does not end. */
  async function enter(refused: Set<Socket>): Promise<void> {
    const client = connect(port, '127.0.0.1');
    clients.push(client);
    client.on('error', () => {});
    client.once('data', (bytes) => {
      if (String(bytes).startsWith('HTTP/1.1 503')) refused.add(client);
    });
    client.write(`POST /match HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
    client.write(Buffer.alloc(BODY_BYTES - 1, '[1,'));
    if (clients.length % 25 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
});
