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

/**
 * Rules as JSON: `[{"namespaces": ["shop"], "ports": [443], "hostnames": ["*.shop.example.com"]}]`.
 * @throws Error that says what is wrong, for whoever wrote them
 */
export function parseClassRules(text: string): ClassPolicy {
  const rules: unknown = JSON.parse(text);
  if (!Array.isArray(rules)) throw new Error('a list of rules is wanted');
  rules.forEach((rule: unknown, at) => {
    if (typeof rule !== 'object' || rule === null || Array.isArray(rule))
      throw new Error(`rule ${at} is no object`);
    for (const [name, values] of Object.entries(rule)) {
      const isValid = VALUES[name];
      if (isValid === undefined)
        throw new Error(`rule ${at} has ${name}; there are ${Object.keys(VALUES).join(', ')}`);
      // An empty list would grant nothing, and read as if it granted everything.
      if (!Array.isArray(values) || values.length === 0 || !values.every(isValid)) {
        throw new Error(`rule ${at}: ${name} is not what is wanted`);
      }
    }
  });
  return { rules: rules as ClassRule[] };
}

const isName = (value: unknown): boolean => typeof value === 'string' && value !== '';
const VALUES: Readonly<Record<string, (value: unknown) => boolean>> = {
  namespaces: isName,
  ports: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535,
  hostnames: isName,
};

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
