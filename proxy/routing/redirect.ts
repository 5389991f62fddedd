import type { Filter, Listener, PathMatch } from '../../api/snapshot.ts';
import type { RequestView } from '../http/request-view.ts';
import { modifyPath } from './path-modifier.ts';

export type Redirect = Extract<Filter, { type: 'RequestRedirect' }>;

const WELL_KNOWN_PORT = { http: 80, https: 443 } as const;

/**
 * The Location of a redirect (Gateway API, HTTPRequestRedirectFilter). What the filter leaves open stays as the request
 * has it, the query always. Without a port: the well-known one of the filter's scheme, or else the listener's. A port
 * that its scheme implies is not written. A request without a host (HTTP/1.0) gets a path, unless the filter has one.
 */
export function redirectLocation(
  redirect: Redirect,
  taken: { readonly path: PathMatch; readonly listener: Listener },
  request: RequestView,
): string {
  const ownScheme = taken.listener.protocol === 'HTTPS' ? 'https' : 'http';
  const scheme = redirect.scheme ?? ownScheme;
  const port =
    redirect.port ?? (redirect.scheme === undefined ? taken.listener.port : WELL_KNOWN_PORT[redirect.scheme]);
  const hostname = redirect.hostname ?? request.hostname;
  const path =
    redirect.path === undefined ? request.path : modifyPath(redirect.path, taken.path, request.path);
  const target = request.query === '' ? path : `${path}?${request.query}`;
  if (hostname === '') return target;
  const authority = port === WELL_KNOWN_PORT[scheme] ? hostname : `${hostname}:${port}`;
  return `${scheme}://${authority}${target}`;
}
