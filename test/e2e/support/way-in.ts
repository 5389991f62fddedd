import { get } from './commands.ts';
import { NAMESPACE, RELEASE } from './installation.ts';

interface Nodes {
  readonly items: readonly {
    readonly status: { readonly addresses: readonly { type: string; address: string }[] };
  }[];
}

interface Service {
  readonly spec: { readonly ports: readonly { readonly port: number; readonly nodePort: number }[] };
}

/** Where a listener is reached from outside the pods: on every node, by the Service's node port. */
export async function wayIn(
  port: number,
  { namespace = NAMESPACE, release = RELEASE }: { namespace?: string; release?: string } = {},
): Promise<string[]> {
  const { items } = await get<Nodes>('nodes');
  const { spec } = await get<Service>('--namespace', namespace, 'service', release);
  const nodePort = spec.ports.find((each) => each.port === port)?.nodePort;
  if (nodePort === undefined) return [];
  return items
    .flatMap(({ status }) => status.addresses.filter(({ type }) => type === 'InternalIP'))
    .map(({ address }) => `http://${address}:${nodePort}/`);
}
