import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { apply, get, helm, kubectl } from './support/commands.ts';
import { install } from './support/installation.ts';
import { shop } from './support/shop.ts';

const HERE = 'variants';
const PROXIES = 'variant-evenkeel-proxy';
/** Above what the cluster gives to Services, and nobody else's. */
const PORT = 18_080;

interface Nodes {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readonly addresses: readonly { type: string; address: string }[] };
  }[];
}

describe('other ways to install it', () => {
  afterEach(async () => {
    await helm('uninstall', 'variant', '--namespace', HERE, '--wait');
    await kubectl('delete', 'namespace', HERE);
  });

  const installWith = (...settings: string[]): Promise<string> =>
    install(
      'variant',
      HERE,
      'className=variant',
      'crds.install=false',
      'controller.replicas=1',
      'service.type=ClusterIP',
      ...settings,
    );

  it.each([
    ['ports of the nodes', `proxy.hostPorts[0].port=${PORT}`],
    ['the network of the nodes', 'proxy.hostNetwork=true'],
  ])('a proxy on every node with %s serves there by the node’s own address', async (_, setting) => {
    await installWith('proxy.kind=DaemonSet', 'networkPolicy.egress.enabled=true', setting);
    await apply(HERE, shop({ port: PORT, className: 'variant' }));
    await kubectl('-n', HERE, 'wait', 'lbp/shop', '--for=condition=Available', '--timeout=120s');
    const { items } = await get<Nodes>('nodes');
    for (const { metadata, status } of items) {
      const { address } = status.addresses.find(({ type }) => type === 'InternalIP')!;
      await eventually(
        `${metadata.name} answers`,
        async () => (await fetch(`http://${address}:${PORT}/`)).ok,
      );
    }
    const { status } = await get<{ status: { proxies: { text: string } } }>('-n', HERE, 'lbp', 'shop');
    expect(status.proxies.text).toBe(`${items.length}/${items.length}`);
  });

  it('an autoscaler has the number of proxies for itself', async () => {
    const replicas = async (): Promise<number> =>
      (await get<{ spec: { replicas: number } }>('-n', HERE, 'deployment', PROXIES)).spec.replicas;
    const AUTOSCALED = ['proxy.autoscaling.enabled=true', 'proxy.autoscaling.maxReplicas=3'];
    await installWith(...AUTOSCALED);
    await eventually('there are as many as it wants at least', async () => (await replicas()) === 2, 60_000);
    await kubectl('-n', HERE, 'scale', 'deployment', PROXIES, '--replicas=3'); // as it does under load
    await installWith(...AUTOSCALED, 'proxy.logLevel=debug');
    expect(await replicas()).toBe(3);
  });
});
