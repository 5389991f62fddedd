import type { Health } from '../../api/control_pb.ts';
import { endpointKey } from '../../api/endpoints.ts';
import type { EndpointState, Verdict, VerdictReason, VerdictSource } from '../../api/health.ts';

/** Verdicts of one endpoint, by proxy. */
export type Verdicts = ReadonlyMap<string, Verdict>;

/** Verdicts of a pool's endpoints, by `reportKey`. */
export type PoolReports = ReadonlyMap<string, Verdicts>;

/** @param endpoint its identity within the backend */
export function reportKey(backend: string, endpoint: Parameters<typeof endpointKey>[0]): string {
  return `${backend}/${endpointKey(endpoint)}`;
}

const NONE: PoolReports = new Map();

/** The latest that every proxy has said of every endpoint. */
export class HealthReports {
  /** By pool uid. */
  readonly #pools = new Map<string, Map<string, Map<string, Verdict>>>();

  pool(uid: string): PoolReports {
    return this.#pools.get(uid) ?? NONE;
  }

  ingest(proxy: string, { uid, replace, endpoints, gone }: Health): void {
    if (replace) this.#forgetPool(uid, proxy);
    const pool = this.#pools.get(uid) ?? new Map<string, Map<string, Verdict>>();
    for (const key of gone) forget(pool, key, proxy);
    for (const { backend, address, port, targetUid, ...said } of endpoints) {
      const key = reportKey(backend, { address, port, targetUid });
      const verdicts = pool.get(key) ?? new Map<string, Verdict>();
      verdicts.set(proxy, {
        // A newer proxy may say what this version has no word for; it is shown as it is.
        state: said.state as EndpointState,
        source: said.source as VerdictSource,
        reason: said.reason as VerdictReason,
        message: said.message,
        since: isTime(said.since) ? said.since : 0,
      });
      pool.set(key, verdicts);
    }
    if (pool.size > 0) this.#pools.set(uid, pool);
    else this.#pools.delete(uid);
  }

  /** The pool is gone. */
  remove(uid: string): void {
    this.#pools.delete(uid);
  }

  /** The proxy is gone, or begins anew. */
  forgetProxy(proxy: string): void {
    for (const uid of this.#pools.keys()) this.#forgetPool(uid, proxy);
  }

  #forgetPool(uid: string, proxy: string): void {
    const pool = this.#pools.get(uid);
    if (pool === undefined) return;
    for (const key of pool.keys()) forget(pool, key, proxy);
    if (pool.size === 0) this.#pools.delete(uid);
  }
}

/** What is none could not be shown, nor the status that it is part of. */
function isTime(ms: number): boolean {
  return !Number.isNaN(new Date(ms).getTime());
}

function forget(pool: Map<string, Map<string, Verdict>>, key: string, proxy: string): void {
  const verdicts = pool.get(key);
  verdicts?.delete(proxy);
  if (verdicts?.size === 0) pool.delete(key);
}
