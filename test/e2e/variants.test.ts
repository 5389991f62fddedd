import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { apply, get, helm, kubectl } from './support/commands.ts';
import { install } from './support/installation.ts';
import { shop } from './support/shop.ts';

const HERE = 'host-ports';
/** Above what the cluster gives to Services, and nobody else's. */
const PORT = 18_080;

interface Nodes {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readonly addresses: readonly { type: string; address: string }[] };
  }[];
}

describe('a proxy on every node, with ports of the nodes', () => {
  afterAll(async () => {
    await helm('uninstall', 'host', '--namespace', HERE, '--wait');
    await kubectl('delete', 'namespace', HERE);
  });

  it('serves on every node by the node’s own address, without privileges', async () => {
    await install(
      'host',
      HERE,
      'className=host',
      'crds.install=false',
      'controller.replicas=1',
      'proxy.kind=DaemonSet',
      `proxy.hostPorts[0].port=${PORT}`,
      'service.type=ClusterIP',
    );
    await apply(HERE, shop({ port: PORT, className: 'host' }));
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
});
