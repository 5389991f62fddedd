import { digestOf } from '../../api/digest.ts';
import type { PoolConfig, PoolSnapshot } from '../../api/snapshot.ts';
import type { PoolIntent } from '../resolve/resolve-pool.ts';

/**
 * The immutable snapshot of what a pool may serve. Its digest is the same for the same content, whatever order that was found in;
 * who the pool is and which generation it comes from is not part of it.
 * @param config what conflicts with other pools have left of the intent's
 * @param before of the same pool: what is the same is not digested again
 */
export function compileSnapshot(
  intent: PoolIntent,
  config: PoolConfig = intent.config,
  before?: PoolSnapshot,
): PoolSnapshot {
  const { namespace, name, uid, createdAt, generation } = intent;
  const endpoints = Object.fromEntries(
    config.backends.map((backend) => [backend.name, intent.endpoints.get(backend.name) ?? []]),
  );
  return {
    namespace,
    name,
    uid,
    createdAt,
    generation,
    digest: digestOf(
      [config, Object.entries(endpoints)],
      before === undefined ? undefined : [before.config, Object.entries(before.endpoints)],
    ),
    config,
    endpoints,
  };
}
