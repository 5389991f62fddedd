import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { apply, get, helm, kubectl } from './support/commands.ts';
import { install } from './support/installation.ts';
import { shop } from './support/shop.ts';
import { wayIn } from './support/way-in.ts';

const HERE = 'second-class';

describe('a second installation, of another class', () => {
  afterAll(() => kubectl('delete', 'namespace', HERE, '--ignore-not-found'));

  it('serves its own pools beside the first', async () => {
    await install(
      'edge',
      HERE,
      'className=edge',
      'crds.install=false',
      'proxy.replicas=1',
      'controller.replicas=1',
    );
    await apply(HERE, shop({ port: 80, className: 'edge' }));
    await kubectl('-n', HERE, 'wait', 'lbp/shop', '--for=condition=Available', '--timeout=120s');
    const first = async (): Promise<string | undefined> =>
      (await wayIn(80, { namespace: HERE, release: 'edge-evenkeel' }))[0];
    await eventually('the way in is open', async () => (await first()) !== undefined);
    await eventually('it answers', async () => (await fetch((await first())!).catch(() => undefined))?.ok);
    expect(await wayIn(80)).toEqual([]);
  });

  it('leaves nothing behind when it is removed', async () => {
    const before = await get<{ items: unknown[] }>('lbp', '-n', HERE);
    expect(before.items).toHaveLength(1);
    await helm('uninstall', 'edge', '--namespace', HERE, '--wait', '--timeout', '120s');
    const KINDS =
      'pods,services,secrets,configmaps,leases,roles,rolebindings,serviceaccounts,networkpolicies,poddisruptionbudgets';
    await eventually(
      'all is gone',
      async () => {
        const { items } = await get<{ items: { metadata: { name: string } }[] }>(KINDS, '-n', HERE);
        return items.filter(({ metadata }) => metadata.name.startsWith('edge')).length === 0;
      },
      60_000,
    );
    const cluster = await kubectl('get', 'clusterroles,clusterrolebindings', '--output', 'name');
    expect(cluster).not.toContain(HERE);
    // Pools stay, and go when a person says so: no finaliser holds them.
    await kubectl('-n', HERE, 'delete', 'lbp', 'shop', '--timeout', '20s');
  });
});
