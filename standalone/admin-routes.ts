import type { AdminRoutes } from '../lib/admin-server.ts';
import { proxyRoutes } from '../proxy/observe/admin-routes.ts';
import type { Proxy } from '../proxy/proxy.ts';
import type { Standalone } from './standalone.ts';
import type { StatusBook } from './status-book.ts';

/** The proxy's admin pages, and what the `evenkeel` commands ask a standalone process. */
export function standaloneRoutes(standalone: Standalone, proxy: Proxy, status: StatusBook): AdminRoutes {
  return {
    'GET /api/pools': () => ({
      body: { apiVersion: 'v1', kind: 'List', items: status.pools(standalone.pools) },
    }),
    'GET /debug/diagnostics': () => ({ body: standalone.diagnostics }),
    ...proxyRoutes(proxy, () => true),
  };
}
