import { canonicalAddress } from '../../api/address.ts';
import type { PoolSource } from '../sources/pool-source.ts';

/** `evenkeel drain POOL ENDPOINT`: nothing new to an endpoint; what it has goes on. `--undo` brings it back. */
export async function drain(
  source: PoolSource,
  pool: string,
  endpoint: string,
  options: { namespace: string; undo: boolean },
): Promise<number> {
  const match = /^\[?(.+?)\]?:(\d{1,5})$/.exec(endpoint);
  const address = canonicalAddress(match?.[1] ?? '');
  if (match === null || address === undefined)
    throw new Error(`not an endpoint of the form ADDRESS:PORT: ${endpoint}`);
  const { namespace, undo } = options;
  const done = await source.drain({ namespace, pool, address, port: Number(match[2]), undo });
  process.stdout.write(`${namespace}/${pool} ${endpoint}: ${done}\n`);
  return 0;
}
