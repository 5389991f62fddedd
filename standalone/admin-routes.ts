import type { AdminRoutes } from '../lib/admin-server.ts';
import { statusPageRoutes } from '../lib/status-page/routes.ts';
import { proxyRoutes } from '../proxy/observe/admin-routes.ts';
import type { Proxy } from '../proxy/proxy.ts';
import { standaloneSource, type StandaloneStatus } from './status-source.ts';

/** The status page, the proxy's admin pages, and what the `evenkeel` commands ask a standalone process. */
export function standaloneRoutes(options: StandaloneStatus, proxy: Proxy): AdminRoutes {
  const { standalone, status } = options;
  return {
    ...statusPageRoutes(standaloneSource(options)),
    'GET /api/pools': () => ({
      body: { apiVersion: 'v1', kind: 'List', items: status.pools(standalone.pools) },
    }),
    'GET /debug/diagnostics': () => ({ body: standalone.diagnostics }),
    ...proxyRoutes(proxy, () => true),
  };
}
