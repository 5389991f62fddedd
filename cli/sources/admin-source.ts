import type { LoadBalancerPool } from '../../api/pool.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import { hostPort } from '../../lib/host-port.ts';
import type { PoolTraffic } from '../../api/traffic.ts';
import type { PoolSource } from './pool-source.ts';

/** A standalone process, by the address of its admin pages. */
export function adminSource(address: string): PoolSource {
  const ask = async (path: string, method = 'GET'): Promise<string> => {
    const url = `http://${address}${path}`;
    let response: Response;
    try {
      response = await fetch(url, { method, signal: AbortSignal.timeout(5_000) });
    } catch (error) {
      throw new Error(`nothing answers at ${address}: is evenkeel running? (${causeOf(error)})`, {
        cause: error,
      });
    }
    const body = await response.text();
    if (!response.ok) throw new Error(body.trim());
    return body;
  };
  const pools = async (namespace?: string): Promise<LoadBalancerPool[]> => {
    const { items } = JSON.parse(await ask('/api/pools')) as { items: LoadBalancerPool[] };
    return items.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
  };
  return {
    defaultNamespace: 'default',
    pools,
    // A standalone process is one installation, whatever class its pools name.
    serving: async () => ({
      pools: await pools(),
      snapshots: JSON.parse(await ask('/debug/snapshot')) as PoolSnapshot[],
      doubts: [],
    }),
    traffic: async () => JSON.parse(await ask('/debug/traffic')) as PoolTraffic[],
    drain: async ({ namespace, pool, address: endpoint, port, undo }) => {
      const query = new URLSearchParams({ pool: `${namespace}/${pool}`, endpoint: hostPort(endpoint, port) });
      if (undo) query.set('undo', 'true');
      return (await ask(`/drain?${query.toString()}`, 'POST')).trim();
    },
    close: () => Promise.resolve(),
  };
}

function causeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? String(error);
}
