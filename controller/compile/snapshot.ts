import { digestOf } from '../../api/digest.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { PoolIntent } from '../resolve/resolve-pool.ts';

/**
 * The immutable snapshot of an intent. Its digest is the same for the same content, whatever order that was found in;
 * who the pool is and which generation it comes from is not part of it.
 */
export function compileSnapshot(intent: PoolIntent): PoolSnapshot {
  const { namespace, name, uid, createdAt, generation, config } = intent;
  const endpoints = Object.fromEntries(
    config.backends.map((backend) => [backend.name, intent.endpoints.get(backend.name) ?? []]),
  );
  return {
    namespace,
    name,
    uid,
    createdAt,
    generation,
    digest: digestOf({ config, endpoints }),
    config,
    endpoints,
  };
}
