import type { AdminRequest, AdminRoutes } from '../admin-server.ts';
import { PAGE, PAGE_POLICY } from './page.gen.ts';
import type { StatusSource } from './source.ts';
import { overview, poolDetail, type ListQuery } from './view.ts';

/** The status page, and what it asks for: it reads, and changes nothing. */
export function statusPageRoutes(source: StatusSource): AdminRoutes {
  return {
    'GET /': () => ({
      body: PAGE,
      contentType: 'text/html; charset=utf-8',
      headers: { 'content-security-policy': PAGE_POLICY, 'referrer-policy': 'no-referrer' },
    }),
    'GET /api/overview': (request) => ({
      body: overview(source, {
        pools: listQuery(request, 'pools'),
        endpoints: listQuery(request, 'endpoints'),
      }),
    }),
    'GET /api/pool': (request) => {
      const detail = poolDetail(source, request.query.get('name') ?? '', listQuery(request, 'endpoints'));
      return detail === undefined
        ? { status: 404, body: 'no such pool; name=NAMESPACE/NAME\n' }
        : { body: detail };
    },
  };
}

/** `?pools.search=shop&pools.state=trouble&pools.offset=50`. */
function listQuery({ query }: AdminRequest, list: string): ListQuery {
  const offset = Number(query.get(`${list}.offset`) ?? 0);
  return {
    search: query.get(`${list}.search`) ?? '',
    state: query.get(`${list}.state`) ?? '',
    offset: Number.isSafeInteger(offset) ? offset : 0,
  };
}
