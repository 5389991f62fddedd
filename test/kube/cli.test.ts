import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EndpointOverride } from '../../api/pool.gen.ts';
import type { LoadBalancerPool } from '../../api/pool.ts';
import { ENDPOINT_SLICES, POOLS, SERVICES } from '../../controller/kube/objects.ts';
import { EXAMPLES } from '../../cli/examples.ts';
import { command, startCommand, startProgram, type Outcome } from '../support/command.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { apiServer, describeKube } from '../support/kube/cluster.ts';
import { configFor } from '../support/kube/config.ts';
import { controlPlane, type ControlPlane, type PoolObject } from '../support/kube/control-plane.ts';
import { poolObject, serviceObject, sliceObject } from '../support/kube/objects.ts';

const ADDRESS = '10.1.0.1:8080';

describeKube('the reading commands on a cluster', () => {
  let plane: ControlPlane;
  let folder: string;
  let kubeconfig: string;

  beforeEach(async () => {
    plane = await controlPlane();
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-cli-'));
    kubeconfig = join(folder, 'kubeconfig');
    const { info, namespace } = plane.kube;
    await writeFile(kubeconfig, configFor(info, info.adminToken, info.url, namespace).exportConfig());
    await plane.kube.apply(SERVICES, serviceObject('shop'));
    const addresses = ['10.1.0.1', '10.1.0.2'];
    await plane.kube.apply(ENDPOINT_SLICES, sliceObject('shop-1', 'shop', { addresses, port: 8080 }));
    await plane.kube.apply(
      POOLS,
      poolObject('shop', plane.className, {
        backends: [
          { name: 'v1', type: 'Service', service: { name: 'shop', port: 'http' } },
          {
            name: 'dr',
            type: 'Static',
            static: { endpoints: [{ address: '192.0.2.10', port: 80 }] },
          },
        ],
        routes: [
          {
            name: 'dr',
            matches: [{ path: { type: 'PathPrefix', value: '/dr' } }],
            backendRefs: [{ name: 'dr' }],
          },
        ],
      }),
    );
  });

  afterEach(async () => {
    await plane.close();
    await rm(folder, { recursive: true, force: true });
  });

  const evenkeel = (...args: string[]): Promise<Outcome> =>
    command(args, { env: { KUBECONFIG: kubeconfig } });
  const overrides = async (): Promise<readonly EndpointOverride[]> =>
    (await plane.kube.get<PoolObject & LoadBalancerPool>(POOLS, 'shop')).spec.endpointOverrides ?? [];

  it('get and describe print what the controller wrote into the status', async () => {
    const controller = await plane.controller();
    await plane.proxy('one', [controller]);
    await plane.condition('shop', 'Programmed', 'True');

    const table = await evenkeel('get');
    expect(table.stderr).toBe('');
    expect(table.stdout).toMatch(/NAMESPACE +NAME +ALGORITHM +ACCEPTED +PROGRAMMED/);
    expect(table.stdout).toMatch(
      new RegExp(`^${plane.kube.namespace} +shop +RoundRobin +True +True .* 1/1 `, 'm'),
    );
    const json = JSON.parse((await evenkeel('get', 'shop', '-o', 'json')).stdout) as LoadBalancerPool;
    expect(json.metadata.name).toBe('shop');
    expect(json.status?.proxies?.text).toBe('1/1');
    const { stdout } = await evenkeel('describe', 'shop');
    expect(stdout).toMatch(/^ *Programmed +True +Programmed/m);
    expect((await evenkeel('top')).stdout).toMatch(
      new RegExp(`^${plane.kube.namespace}/shop +HTTP 8080`, 'm'),
    );
  });

  it('look at the namespace of the context unless told otherwise', async () => {
    expect((await evenkeel('get', '-n', 'default', 'shop')).stderr).toMatch(/there is no pool shop/);
    expect((await evenkeel('get', '-A')).stdout).toMatch(new RegExp(`^${plane.kube.namespace} +shop`, 'm'));
    const both = await evenkeel('get', '-A', '-n', 'default');
    expect(both.code).toBe(2);
    expect(both.stderr).toMatch(/cannot be used with/);
  });

  it('explain works out from Services and EndpointSlices what a request would get', async () => {
    const url = 'http://shop.example.com:8080';
    const root = await evenkeel('explain', '--class', plane.className, '--url', `${url}/`);
    expect(root.stdout).toContain(`the default backends of ${plane.kube.namespace}/shop`);
    expect(root.stdout).toMatch(/^v1 +0 +1 +10\.1\.0\.1:8080 /m);
    expect(root.stdout).toMatch(/^v1 +0 +1 +10\.1\.0\.2:8080 /m);
    expect(root.stderr).toContain('has a spec that no controller has reported on yet');
    const route = await evenkeel('explain', '--class', plane.className, '--url', `${url}/dr/x`);
    expect(route.stdout).toContain(`route dr of ${plane.kube.namespace}/shop`);
    expect(route.stdout).toContain('192.0.2.10:80');
  });

  it('drain takes an endpoint out of every proxy, by its pod, and --undo brings it back', async () => {
    const controller = await plane.controller();
    const { sink } = await plane.proxy('one', [controller]);
    const override = () =>
      [...sink.serving.values()][0]?.endpoints['v1']?.find(({ address }) => address === '10.1.0.1')?.override;
    await plane.condition('shop', 'Programmed', 'True');

    const drained = await evenkeel('drain', 'shop', ADDRESS);
    expect(drained).toMatchObject({ code: 0, stderr: '' });
    expect(drained.stdout).toBe(`${plane.kube.namespace}/shop ${ADDRESS}: draining\n`);
    expect(await overrides()).toEqual([
      {
        name: 'drain-10-1-0-1-8080',
        target: { type: 'Pod', pod: { name: 'shop-1-0', uid: 'uid-shop-1-10-1-0-1' } },
        state: 'Drain',
      },
    ]);
    await eventually('drained in the proxy', () => override() === 'Drain');
    expect((await evenkeel('drain', 'shop', ADDRESS)).stdout).toContain('it is draining already');

    const undone = await evenkeel('drain', 'shop', ADDRESS, '--undo');
    expect(undone.stdout).toContain('restored');
    expect(await overrides()).toEqual([]);
    await eventually('back in the proxy', () => override() === undefined);
    const twice = await evenkeel('drain', 'shop', ADDRESS, '--undo');
    expect(twice).toMatchObject({ code: 1, stderr: `evenkeel: ${ADDRESS} is not drained\n` });
  });

  it('drain names an endpoint without a pod by its address, and leaves other overrides alone', async () => {
    const mine = { name: 'maintenance', target: { type: 'Node', node: { name: 'n1' } }, state: 'Exclude' };
    await plane.kube.admin.request(
      'PATCH',
      `/apis/evenkeel.dev/v1alpha1/namespaces/${plane.kube.namespace}/loadbalancerpools/shop`,
      {
        contentType: 'application/merge-patch+json',
        body: { spec: { endpointOverrides: [mine] } },
      },
    );
    await evenkeel('drain', 'shop', '192.0.2.10:80');
    expect(await overrides()).toEqual([
      mine,
      {
        name: 'drain-192-0-2-10-80',
        target: { type: 'Address', address: { address: '192.0.2.10', port: 80 } },
        state: 'Drain',
      },
    ]);
    await evenkeel('drain', 'shop', '192.0.2.10:80', '--undo');
    expect(await overrides()).toEqual([mine]);
  });

  it('drain loses no entry when several people write at once', async () => {
    const endpoints = ['10.1.0.1:8080', '10.1.0.2:8080', '192.0.2.10:80'];
    await Promise.all(endpoints.map((endpoint) => evenkeel('drain', 'shop', endpoint)));
    expect((await overrides()).map(({ name }) => name).toSorted()).toEqual([
      'drain-10-1-0-1-8080',
      'drain-10-1-0-2-8080',
      'drain-192-0-2-10-80',
    ]);
  });

  it('say what is missing, and exit with 1', async () => {
    expect(await evenkeel('drain', 'nobody', ADDRESS)).toMatchObject({
      code: 1,
      stderr: `evenkeel: there is no pool ${plane.kube.namespace}/nobody\n`,
    });
    expect(await evenkeel('drain', 'shop', '10.9.9.9:1')).toMatchObject({
      code: 1,
      stderr: `evenkeel: ${plane.kube.namespace}/shop has no endpoint 10.9.9.9:1\n`,
    });
    const context = await evenkeel('get', '--context', 'nowhere');
    expect(context.code).toBe(1);
    expect(context.stderr).toMatch(/^evenkeel: .*nowhere.*\n$/);
  });

  it.each(EXAMPLES['controller']!)('%s starts, and ends at SIGTERM', async (example) => {
    const [adminPort] = await freePorts(1);
    const admin = `127.0.0.1:${adminPort}`;
    const env = { KUBECONFIG: kubeconfig, EVENKEEL_ADMIN: admin, EVENKEEL_GRPC: '127.0.0.1:0' };
    const controller = startCommand(example.split(' ').slice(1), { env });
    await eventually('ready', async () => (await fetch(`http://${admin}/readyz`)).ok);
    const metrics = await fetch(`http://${admin}/metrics`, {
      headers: { accept: 'application/openmetrics-text' },
    });
    expect(await metrics.text()).toMatch(/^# TYPE evenkeel_controller_lists counter$/m);
    controller.child.kill('SIGTERM');
    expect(await controller.ended()).toMatchObject({ code: 0, stdout: '' });
  });

  it('work as a kubectl plugin', async () => {
    const { code, stdout } = await startProgram(
      join(apiServer!.binaries, 'kubectl'),
      ['evenkeel', 'get', '-A', '-o', 'wide'],
      { env: { KUBECONFIG: kubeconfig } },
    ).ended();
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${plane.kube.namespace} +shop`, 'm'));
  });
});
