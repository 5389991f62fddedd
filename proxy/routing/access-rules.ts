import type { Listener } from '../../api/snapshot.ts';
import { compileCidrSet, parseAddress } from '../net/cidr-set.ts';

type AccessRules = Listener['accessRules'];

/** May a client with this address (canonical text) come in? */
export type AccessCheck = (clientAddress: string) => boolean;

/**
 * One check for all of `rules` (a listener's, a route's): each must let the client in. In one, deny wins and an empty
 * allow list allows. A client without an IP address passes only where no list is set. Undefined: nothing to check.
 */
export function compileAccess(rules: readonly (AccessRules | undefined)[]): AccessCheck | undefined {
  const set = rules.filter(
    (rule) => rule !== undefined && rule.allowCIDRs.length + rule.denyCIDRs.length > 0,
  );
  if (set.length === 0) return undefined;
  const denied = compileCidrSet(set.flatMap((rule) => rule!.denyCIDRs));
  const allowed = set
    .filter((rule) => rule!.allowCIDRs.length > 0)
    .map((rule) => compileCidrSet(rule!.allowCIDRs));
  return (clientAddress) => {
    const address = parseAddress(clientAddress);
    if (address === undefined || denied.has(address)) return false;
    return allowed.every((list) => list.has(address));
  };
}
