import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ENDPOINT_SLICES, POOLS, SERVICES } from '../../controller/kube/objects.ts';
import { BIN, startProgram } from '../support/command.ts';
import { commandBlocks } from '../support/docs/commands.ts';
import { apiServer, describeKube } from '../support/kube/cluster.ts';
import { configFor } from '../support/kube/config.ts';
import { controlPlane, type ControlPlane } from '../support/kube/control-plane.ts';
import { poolObject, serviceObject, sliceObject } from '../support/kube/objects.ts';

/** What documents say to do with kubectl is done here, in their order, beside a controller and two proxies. */
describeKube('commands in documents, on a cluster', () => {
  let plane: ControlPlane;
  let folder: string;
  let kubeconfig: string;

  beforeAll(async () => {
    plane = await controlPlane();
    const controller = await plane.controller();
    await plane.proxy('proxy-0', [controller]);
    await plane.proxy('proxy-1', [controller]);
    await plane.kube.apply(SERVICES, serviceObject('shop'));
    const addresses = ['10.1.0.1', '10.1.0.2'];
    await plane.kube.apply(ENDPOINT_SLICES, sliceObject('shop-1', 'shop', { addresses, port: 8080 }));
    await plane.kube.apply(POOLS, poolObject('shop', plane.className));
    await plane.condition('shop', 'Programmed', 'True');
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-docs-'));
    kubeconfig = join(folder, 'kubeconfig');
    const { info, namespace } = plane.kube;
    await writeFile(kubeconfig, configFor(info, info.adminToken, info.url, namespace).exportConfig());
  });

  afterAll(async () => {
    await plane.close();
    await rm(folder, { recursive: true, force: true });
  });

  const blocks = commandBlocks('docs/tasks.md').filter(({ mark }) => mark === 'kube');

  it.each(blocks.map(({ place, text }) => [place, text] as const))('%s', async (_, text) => {
    const PATH = [BIN, apiServer!.binaries, process.env['PATH']].join(delimiter);
    const env = { KUBECONFIG: kubeconfig, PATH };
    const { code, stdout, stderr } = await startProgram('sh', ['-euc', text], { cwd: folder, env }).ended();
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
  });
});
