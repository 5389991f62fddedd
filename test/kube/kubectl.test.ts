import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ENDPOINT_SLICES, POOLS, resourcePath, SERVICES } from '../../controller/kube/objects.ts';
import { BIN, startProgram, type Outcome } from '../support/command.ts';
import { eventually } from '../support/eventually.ts';
import { apiServer, describeKube } from '../support/kube/cluster.ts';
import { configFor } from '../support/kube/config.ts';
import { controlPlane, type ControlPlane, type SimulatedProxy } from '../support/kube/control-plane.ts';
import { poolObject, serviceObject, sliceObject } from '../support/kube/objects.ts';

/** What a person sees who has nothing but kubectl, of a pool that is served, one that names no Service there is, and one whose port is taken. */
describeKube('a pool in kubectl', () => {
  let plane: ControlPlane;
  let folder: string;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    plane = await controlPlane();
    const { kube } = plane;
    const { info, namespace, admin } = kube;
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-kubectl-'));
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, configFor(info, info.adminToken, info.url, namespace).exportConfig());
    const PATH = [BIN, apiServer!.binaries, process.env['PATH']].join(delimiter);
    env = { KUBECONFIG: kubeconfig, PATH };

    await kube.apply(SERVICES, serviceObject('way-in', { type: 'LoadBalancer' }));
    await admin.request('PATCH', `${resourcePath(SERVICES, namespace, 'way-in')}/status`, {
      body: { status: { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } } },
      contentType: 'application/merge-patch+json',
    });
    const controller = await plane.controller({ frontend: 'way-in' });
    const proxies = await Promise.all(['one', 'two'].map((name) => plane.proxy(name, [controller])));
    await kube.apply(SERVICES, serviceObject('shop'));
    const addresses = ['10.1.0.1', '10.1.0.2'];
    await kube.apply(ENDPOINT_SLICES, sliceObject('shop-1', 'shop', { addresses, port: 8080 }));
    await kube.apply(POOLS, poolObject('shop', plane.className));
    const listeners = [{ name: 'web', protocol: 'HTTP', port: 8081 }];
    await kube.apply(POOLS, poolObject('lost', plane.className, { listeners }));
    const taken = { listeners: [{ name: 'raw', protocol: 'TCP', port: 8080 }] };
    await kube.apply(POOLS, poolObject('younger', plane.className, taken));
    for (const proxy of proxies) await reportOneSick(proxy);
    await plane.condition('shop', 'Degraded', 'True/EndpointsUnhealthy');
    await plane.condition('lost', 'ResolvedRefs', 'False/ServiceNotFound');
    await plane.condition('younger', 'Accepted', 'False/PortConflict');
  });

  afterAll(async () => {
    await plane.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function reportOneSick({ sink }: SimulatedProxy): Promise<void> {
    const snapshot = await eventually('served', () =>
      [...sink.serving.values()].find(({ name }) => name === 'shop'),
    );
    const since = Date.now();
    const verdict = {
      state: 'Healthy',
      source: 'Active',
      reason: 'CheckPassed',
      message: '',
      since,
    } as const;
    const sick = { ...verdict, state: 'Unhealthy', reason: 'UnexpectedStatus', message: 'HTTP 500' } as const;
    sink.report(
      snapshot.uid,
      snapshot.endpoints['v1']!.map(({ address, port, targetUid }) => ({
        backend: 'v1',
        address,
        port,
        targetUid,
        verdict: address === '10.1.0.2' ? sick : verdict,
      })),
    );
  }

  const kubectl = (...args: string[]): Promise<Outcome> => startProgram('kubectl', args, { env }).ended();

  /** Rows of a table by the name in their first column, each by the name of its column. */
  async function table(...args: string[]): Promise<Readonly<Record<string, Record<string, string>>>> {
    const { stdout, stderr } = await kubectl(...args);
    expect(stderr).toBe('');
    const [head = '', ...rows] = stdout.trimEnd().split('\n');
    const starts = [...head.matchAll(/\S+/g)].map(({ 0: name, index }) => ({ name, index }));
    return Object.fromEntries(
      rows.map((row) => {
        const cells = starts.map(({ name, index }, i) => [
          name,
          row.slice(index, starts[i + 1]?.index).trim(),
        ]);
        return [cells[0]![1]!, Object.fromEntries(cells) as Record<string, string>];
      }),
    );
  }

  it('is a row of words that are true', async () => {
    const rows = await table('get', 'lbp');
    expect(Object.keys(rows['shop']!)).toEqual(
      'NAME ALGORITHM ACCEPTED PROGRAMMED AVAILABLE HEALTHY PROXIES AGE'.split(' '),
    );
    expect(rows['shop']).toMatchObject({
      ALGORITHM: 'RoundRobin',
      ACCEPTED: 'True',
      PROGRAMMED: 'True',
      AVAILABLE: 'True',
      HEALTHY: '1/2',
      PROXIES: '2/2',
      AGE: expect.stringMatching(/^\d+m?\d*s$/),
    });
    expect(rows['lost']).toMatchObject({ ACCEPTED: 'True', AVAILABLE: 'False', HEALTHY: '0/0' });
    expect(rows['younger']).toMatchObject({ ACCEPTED: 'False', PROGRAMMED: 'False' });
  });

  it('has its address and what is wrong with it in the wide row', async () => {
    const rows = await table('get', 'lbp', '-o', 'wide');
    expect(Object.keys(rows['shop']!).slice(-2)).toEqual(['ADDRESS', 'REASON']);
    expect(rows['shop']).toMatchObject({ ADDRESS: '203.0.113.7', REASON: 'EndpointsUnhealthy' });
    expect(rows['lost']).toMatchObject({ REASON: 'ServiceNotFound' });
    expect(rows['younger']).toMatchObject({ REASON: 'PortConflict' });
  });

  it('goes by its full name and by its category, too', async () => {
    const short = await kubectl('get', 'lbp', '-o', 'name');
    expect(short.stdout).toBe(
      ['lost', 'shop', 'younger'].map((name) => `loadbalancerpool.evenkeel.dev/${name}\n`).join(''),
    );
    expect((await kubectl('get', 'loadbalancerpools', '-o', 'name')).stdout).toBe(short.stdout);
    expect((await kubectl('get', 'loadbalancing', '-o', 'name')).stdout).toBe(short.stdout);
  });

  it('can be waited for: until it is good, and in vain when it is not', async () => {
    const good = await kubectl('wait', 'lbp/shop', '--for=condition=Programmed', '--timeout=20s');
    expect(good).toMatchObject({ code: 0, stderr: '' });
    const bad = await kubectl('wait', 'lbp/younger', '--for=condition=Programmed', '--timeout=1s');
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain('timed out waiting for the condition on loadbalancerpools/younger');
  });

  it('is waited for by its new spec, not by what its old one had reached', async () => {
    const paused = await kubectl('patch', 'lbp', 'shop', '--type=merge', '-p', '{"spec":{"paused":true}}');
    expect(paused.code).toBe(0);
    const wait = ['wait', 'lbp/shop', '--for=condition=Programmed'];
    await plane.condition('shop', 'Programmed', 'False/Paused');
    expect((await kubectl(...wait, '--timeout=1s')).code).toBe(1);
    await kubectl('patch', 'lbp', 'shop', '--type=merge', '-p', '{"spec":{"paused":false}}');
    expect((await kubectl(...wait, '--timeout=20s')).code).toBe(0);
  });

  it('is described with its conditions, its endpoints and its Events', async () => {
    const { stdout } = await kubectl('describe', 'lbp', 'shop');
    for (const said of ['EndpointsUnhealthy', 'HTTP 500', 'Events:', '203.0.113.7']) {
      expect(stdout).toContain(said);
    }
  });

  it('is explained, down to the last field', async () => {
    const spec = await kubectl('explain', 'lbp.spec');
    expect(spec.code).toBe(0);
    expect(spec.stdout).toMatch(/listeners\s+<\[\]Object> -required-\n\s+The ports that the proxies open/);
    const nested = await kubectl('explain', 'lbp.spec.healthCheck.active.interval');
    expect(nested.stdout).toContain('Time from one probe of a healthy endpoint to the next.');
    const everything = await kubectl('explain', 'lbp', '--recursive');
    expect(everything.stdout).toMatch(/expectedStatuses\s+<\[\]Object>/);
  });

  it('is printed by the plugin, too', async () => {
    const rows = await table('evenkeel', 'get', 'shop', '-o', 'wide');
    expect(Object.values(rows)[0]).toMatchObject({ HEALTHY: '1/2', ADDRESS: '203.0.113.7' });
  });
});
