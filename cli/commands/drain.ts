import { hostPort } from '../../lib/host-port.ts';
import type { DrainTarget, PoolSource } from '../sources/pool-source.ts';

/** `evenkeel drain POOL ENDPOINT`: nothing new to an endpoint; what it has goes on. `--undo` brings it back. */
export async function drain(source: PoolSource, target: DrainTarget): Promise<number> {
  const { namespace, pool, address, port } = target;
  const done = await source.drain(target);
  process.stdout.write(`${namespace}/${pool} ${hostPort(address, port)}: ${done}\n`);
  return 0;
}
