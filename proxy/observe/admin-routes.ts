import { canonicalAddress } from '../../api/address.ts';
import { redacted } from '../../api/redact.ts';
import type { AdminReply, AdminRequest, AdminRoutes } from '../../lib/admin-server.ts';
import { metricsFormat } from '../../lib/metrics-format.ts';
import type { Proxy } from '../proxy.ts';

/**
 * A proxy's admin pages. `/readyz` answers 200 once `synced` and a snapshot is applied, its listeners are open and
 * the first round of checks is over; 503 from the first moment of a drain on.
 */
export function proxyRoutes(proxy: Proxy, synced: () => boolean): AdminRoutes {
  return {
    'GET /healthz': () => ({ body: 'ok\n' }),
    'GET /readyz': () =>
      synced() && proxy.ready ? { body: 'ready\n' } : { status: 503, body: 'not ready\n' },
    'GET /metrics': ({ accept }) => proxy.scrape(metricsFormat(accept)),
    'GET /debug/snapshot': () => ({ body: proxy.pools.map(redacted) }),
    'GET /debug/endpoints': () => ({
      body: proxy.pools.map(({ namespace, name, uid }) => ({
        namespace,
        name,
        endpoints: proxy.reports(uid),
      })),
    }),
    'GET /debug/load': async () => ({ body: await proxy.load() }),
    'GET /debug/traffic': async () => ({ body: await proxy.traffic() }),
    'POST /drain': (request) => drain(request, proxy),
  };
}

/** `?pool=namespace/name&endpoint=address:port`, with `&undo=true` to bring it back. */
function drain({ query }: AdminRequest, proxy: Proxy): AdminReply {
  const [namespace, name] = (query.get('pool') ?? '').split('/');
  const pool = proxy.pools.find((candidate) => candidate.namespace === namespace && candidate.name === name);
  if (pool === undefined) return { status: 404, body: 'no such pool; pool=NAMESPACE/NAME\n' };
  const match = /^\[?(.+?)\]?:(\d+)$/.exec(query.get('endpoint') ?? '');
  const address = canonicalAddress(match?.[1] ?? '');
  if (match === null || address === undefined) {
    return { status: 400, body: 'endpoint=ADDRESS:PORT is wanted\n' };
  }
  const undo = query.get('undo') === 'true';
  const port = Number(match[2]);
  const found = undo
    ? proxy.health.undrain(pool.uid, address, port)
    : proxy.health.drain(pool.uid, address, port);
  if (!found) return { status: 404, body: 'the pool has no such endpoint\n' };
  return { body: undo ? 'restored\n' : 'draining\n' };
}
