import type { LoadBalancerPool } from '../../api/pool.ts';
import type { PoolSource } from '../sources/pool-source.ts';
import { describePool, endpointTable, poolTable } from '../tables.ts';

export interface GetOptions {
  readonly output: 'table' | 'wide' | 'json' | 'yaml';
  /** Absent: every namespace. */
  readonly namespace: string | undefined;
}

/** `evenkeel get [NAME]`: the columns of `kubectl get lbp`; with a name also its endpoints. */
export async function get(
  source: PoolSource,
  name: string | undefined,
  options: GetOptions,
): Promise<number> {
  const pools = selectPools(await source.pools(options.namespace), name);
  if (options.output === 'json' || options.output === 'yaml') {
    const list = pools.length === 1 && name !== undefined ? pools[0] : listOf(pools);
    const { stringify } = await import('yaml');
    process.stdout.write(options.output === 'json' ? `${JSON.stringify(list, null, 2)}\n` : stringify(list));
    return 0;
  }
  if (pools.length === 0) {
    process.stderr.write('no pools\n');
    return 0;
  }
  process.stdout.write(`${poolTable(pools, options.output === 'wide', Date.now())}\n`);
  if (name !== undefined) {
    for (const { status } of pools) {
      process.stdout.write(`\n${endpointTable(status?.endpoints ?? [], Date.now())}\n`);
    }
  }
  return 0;
}

function listOf(items: readonly LoadBalancerPool[]): object {
  return { apiVersion: 'v1', kind: 'List', items };
}

/** `evenkeel describe [NAME]`: all that a pool's status says. */
export async function describe(
  source: PoolSource,
  name: string | undefined,
  namespace: string | undefined,
): Promise<number> {
  const pools = selectPools(await source.pools(namespace), name);
  process.stdout.write(`${pools.map((pool) => describePool(pool, Date.now())).join('\n\n---\n\n')}\n`);
  return 0;
}

/** Several when pools of several namespaces have the name. */
function selectPools(pools: readonly LoadBalancerPool[], name: string | undefined): LoadBalancerPool[] {
  const selected = pools.filter(({ metadata }) => name === undefined || metadata.name === name);
  if (name !== undefined && selected.length === 0) throw new Error(`there is no pool ${name}`);
  return selected;
}
