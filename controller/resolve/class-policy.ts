import { isCovered } from './hostnames.ts';

/**
 * Which namespaces may use which ports and host names of a class. Without rules everything is allowed; with rules,
 * what one of them grants.
 */
export interface ClassPolicy {
  readonly rules: readonly ClassRule[];
}

export interface ClassRule {
  /** Names; absent: every namespace. */
  readonly namespaces?: readonly string[];
  /** Absent: every port. */
  readonly ports?: readonly number[];
  /** As in listeners; absent: every host. */
  readonly hostnames?: readonly string[];
}

export const OPEN_CLASS: ClassPolicy = { rules: [] };

export function isPortAllowed({ rules }: ClassPolicy, namespace: string, port: number): boolean {
  return rules.length === 0 || rules.some((rule) => isFor(rule, namespace, port));
}

/** @param hostname absent: every host */
export function isHostnameAllowed(
  { rules }: ClassPolicy,
  { namespace, port, hostname }: { namespace: string; port: number; hostname: string | undefined },
): boolean {
  const grants = (rule: ClassRule): boolean =>
    rule.hostnames === undefined ||
    (hostname !== undefined && rule.hostnames.some((granted) => isCovered(hostname, granted)));
  return rules.length === 0 || rules.some((rule) => isFor(rule, namespace, port) && grants(rule));
}

function isFor({ namespaces, ports }: ClassRule, namespace: string, port: number): boolean {
  return (namespaces?.includes(namespace) ?? true) && (ports?.includes(port) ?? true);
}
