import { once } from 'node:events';
import { get } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { status as Status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Overview, PoolDetail } from '../../api/overview.ts';
import { ENDPOINT_SLICES, POOLS, SERVICES } from '../../controller/kube/objects.ts';
import type { Controller } from '../../controller/main.ts';
import type { Proxy } from '../../proxy/proxy.ts';
import { eventually } from '../support/eventually.ts';
import { GrpcClient } from '../support/grpc/client.ts';
import { GrpcEchoServer } from '../support/grpc/echo-server.ts';
import { describeKube } from '../support/kube/cluster.ts';
import { controlPlane, type ControlPlane } from '../support/kube/control-plane.ts';
import { poolObject, serviceObject, sliceObject } from '../support/kube/objects.ts';
import {
  namedBackend,
  OWN_ADDRESS,
  QUICK_CHECK,
  servingProxies,
  type NamedBackend,
} from '../support/kube/serving.ts';

describeKube('traffic through real proxies', () => {
  let plane: ControlPlane;
  let controller: Controller;
  let proxies: Proxy[];
  let port: number;

  beforeEach(async () => {
    plane = await controlPlane();
    controller = await plane.controller();
    port = await freePort();
    proxies = (await servingProxies(plane, [controller])).map(({ proxy }) => proxy);
  });

  afterEach(() => plane.close());

  const backend = (name: string): Promise<NamedBackend> => namedBackend(plane, name);
  const slice = (name: string, to: number): Promise<unknown> =>
    plane.kube.apply(ENDPOINT_SLICES, sliceObject(name, 'shop', { addresses: [OWN_ADDRESS], port: to }));
  const pool = (spec: object = {}): Promise<unknown> =>
    plane.kube.apply(
      POOLS,
      poolObject('shop', plane.className, {
        listeners: [{ name: 'web', protocol: 'TCP', port }],
        healthCheck: { active: QUICK_CHECK },
        ...spec,
      }),
    );
  /** What the controller's status page asks. */
  const page = async <Answer>(path: string): Promise<Answer> =>
    (await (await fetch(`http://${controller.adminAddress}/${path}`)).json()) as Answer;
  /** What ten requests to each proxy are answered with; sorted, without repetition. */
  const answers = async (): Promise<string> => {
    const seen = new Set<string>();
    for (const host of ['127.0.0.1', '127.0.0.2']) {
      for (let i = 0; i < 10; i += 1) seen.add(await ask(host, port));
    }
    return [...seen].sort().join();
  };

  it('flows as the cluster says, and status tells the truth about it, through its whole life', async () => {
    const [a, b] = [await backend('a'), await backend('b')];
    await plane.kube.apply(SERVICES, serviceObject('shop'));
    await slice('shop-a', a.port);
    await slice('shop-b', b.port);
    await pool();
    await eventually('both answer', async () => (await answers()) === 'a,b');
    await plane.condition('shop', 'Programmed', 'True');
    await plane.condition('shop', 'Available', 'True');
    const up = await plane.condition('shop', 'Degraded', 'False/AsExpected');
    expect(up.summary).toMatchObject({ total: 2, healthy: 2, healthyText: '2/2' });
    expect(up.proxies!.text).toBe('2/2');
    await eventually('both proxies have reported both', async () => {
      const { endpoints } = await plane.status('shop');
      return endpoints?.map(({ seenBy }) => seenBy).join() === '2/2,2/2';
    });

    b.health.status = 500; // breaks
    await eventually('b is out', async () => (await answers()) === 'a');
    const sick = await plane.condition('shop', 'Degraded', 'True/EndpointsUnhealthy');
    expect(sick.endpoints![0]).toMatchObject({
      port: b.port,
      state: 'Unhealthy',
      source: 'Active',
      reason: 'UnexpectedStatus',
    });
    expect(sick.endpoints![0]!.message).toContain('500');

    const overview = await page<Overview>('api/overview?endpoints.state=trouble');
    expect(overview).toMatchObject({
      process: { role: 'controller', className: plane.className, leading: true },
      states: { Healthy: 1, Unhealthy: 1 },
      proxiesConnected: 2,
    });
    expect(overview.proxies.items.map(({ name, applied, expected }) => [name, applied, expected])).toEqual([
      ['proxy-0', 1, 1],
      ['proxy-1', 1, 1],
    ]);
    expect(overview.endpoints.items).toMatchObject([{ pod: 'shop-b-0', reason: 'UnexpectedStatus' }]);
    await eventually('rates over both proxies', async () => {
      await answers();
      return (await page<Overview>('api/overview')).rates.perSecond.some((rate) => rate > 0);
    });
    const name = `${plane.kube.namespace}/shop`;
    const detail = await page<PoolDetail>(`api/pool?name=${encodeURIComponent(name)}`);
    expect(detail.digest).toBe(sick.config!.digest);
    expect(detail.proxies).toMatchObject(
      ['proxy-0', 'proxy-1'].map((proxy) => ({ name: proxy, digest: detail.digest, current: true })),
    );

    b.health.status = 200; // mended
    await eventually('b is back', async () => (await answers()) === 'a,b');
    await plane.condition('shop', 'Degraded', 'False/AsExpected');

    await plane.kube.delete(ENDPOINT_SLICES, 'shop-a'); // changed
    await eventually('only b', async () => (await answers()) === 'b');

    const taken = createTcpServer().listen(0, '127.0.0.2'); // broken: the port is another's on one proxy
    await once(taken, 'listening');
    const old = port;
    const takenPort = (taken.address() as AddressInfo).port;
    await pool({ listeners: [{ name: 'web', protocol: 'TCP', port: takenPort }] });
    const rejected = await plane.condition('shop', 'Programmed', 'False/Rejected');
    expect(rejected.conditions!.find(({ type }) => type === 'Programmed')!.message).toContain('proxy-1');
    expect(await ask('127.0.0.2', old)).toBe('b');
    taken.close();
    await pool();
    await plane.condition('shop', 'Programmed', 'True');
    expect(await answers()).toBe('b');

    await plane.kube.delete(POOLS, 'shop'); // deleted
    await eventually('closed', async () => (await answers().catch(() => 'refused')) === 'refused');
    await eventually('nothing is left', () => proxies.every(({ pools }) => pools.length === 0));
  });

  it('is gRPC where the port of a Service says so, from one server to the next', async () => {
    const servers = await Promise.all(['a', 'b'].map((name) => GrpcEchoServer.start(name, 0, OWN_ADDRESS)));
    for (const [i, server] of servers.entries()) {
      plane.ends.push(() => server.close());
      await slice(`shop-${i}`, server.port);
    }
    const grpcPort = (appProtocol: string) =>
      plane.kube.apply(
        SERVICES,
        serviceObject('shop', { ports: [{ name: 'http', port: 80, targetPort: 8080, appProtocol }] }),
      );
    await grpcPort('kubernetes.io/h2c');
    await pool({ listeners: [{ name: 'web', protocol: 'HTTP', port }], healthCheck: {} });
    const client = new GrpcClient(port);
    plane.ends.push(() => client.close());
    const call = async () => {
      const { messages, status } = await client.unary('', { 'x-name': '1' });
      return status.code === Status.OK ? String(messages[0]) : `status ${String(status.code)}`;
    };
    const tenCalls = async () => {
      let names = '';
      for (let i = 0; i < 10; i++) names += await call();
      return names;
    };
    await eventually('both take turns', async () => /^(ab){5}$|^(ba){5}$/.test(await tenCalls()));
    await plane.condition('shop', 'Programmed', 'True');

    await grpcPort('https');
    const told = await plane.condition('shop', 'ResolvedRefs', 'False/UnsupportedAppProtocol');
    expect(told.conditions!.find(({ type }) => type === 'ResolvedRefs')!.message).toContain('https');
    await grpcPort('grpc');
    await plane.condition('shop', 'ResolvedRefs', 'True');
    await eventually('they take turns again', async () => /^(ab){5}$|^(ba){5}$/.test(await tenCalls()));
  });
});

function ask(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host, port, path: '/', agent: false }, (res) => {
      let body = '';
      res.on('data', (chunk: Buffer) => (body += chunk.toString()));
      res.on('end', () =>
        res.statusCode === 200 ? resolve(body) : reject(new Error(`HTTP ${res.statusCode}`)),
      );
    }).on('error', reject);
  });
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
