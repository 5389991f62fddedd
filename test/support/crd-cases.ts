import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/**
 * Every rule of the CRD with a spec that keeps it and one that breaks it: the same table for the offline validator
 * and for a real API server.
 */
export interface CrdCase {
  readonly rule: { readonly path: string; readonly message: string };
  /** The spec that is changed into the others; absent: they are new objects. */
  readonly old?: object;
  readonly accepted: object;
  readonly refused: object;
}

const MINIMAL = {
  listeners: [{ name: 'web', protocol: 'HTTP', port: 80 }],
  backends: [{ name: 'v1', service: { name: 'checkout', port: 'http' } }],
  defaultBackendRefs: [{ name: 'v1' }],
};

/** A spec in which every duration is set, except those of the cookie. */
const ALL_DURATIONS: object = parse(`
listeners:
- {name: web, protocol: HTTP, port: 80, timeouts: {requestHeader: 1s, tlsHandshake: 1s, bodyMatch: 1s, idle: 1s}}
- {name: dns, protocol: UDP, port: 53, udp: {sessionIdleTimeout: 1s}}
backends:
- name: v1
  service: {name: checkout, port: http}
  healthCheck: {active: {interval: 1s, unhealthyInterval: 1s, timeout: 1s}}
routes:
- {name: r, timeouts: {request: 1s, backendRequest: 1s}, rateLimit: {requests: 1, per: 1s}}
defaultBackendRefs: [{name: v1}]
loadBalancing: {algorithm: Random, slowStart: {window: 1s}, failover: {failbackDelay: 1s}}
healthCheck:
  active: {interval: 1s, unhealthyInterval: 1s, timeout: 1s}
  passive: {baseEjection: 1s, maxEjection: 1s}
resilience:
  timeouts: {connect: 1s, responseHeader: 1s}
  connectHedgeDelay: 500ms
  retries: {perTryTimeout: 1s}
  limits: {maxRequestsPerEndpoint: 1, queue: {max: 1, timeout: 1s}}
lifecycle: {drainTimeout: 1s}
`) as object;

export const CRD_CASES: readonly CrdCase[] = [
  ...written(),
  ...written().flatMap(onBackend),
  ...durationPaths(ALL_DURATIONS, 'spec').map((path) => ({
    rule: { path, message: 'must be from 1ms to 24h' },
    accepted: replaced(ALL_DURATIONS, path, '1ms'),
    refused: replaced(ALL_DURATIONS, path, '0s'),
  })),
];

function written(): CrdCase[] {
  const cases = parse(readFileSync(new URL('crd-cases.yaml', import.meta.url), 'utf8')) as CrdCase[];
  return cases.map(({ rule, old, accepted, refused }) => ({
    rule,
    ...(old === undefined ? {} : { old: laidOver(MINIMAL, old) }),
    accepted: laidOver(MINIMAL, accepted),
    refused: laidOver(MINIMAL, refused),
  }));
}

/** A backend's own check obeys what the pool's check does. */
function onBackend({ rule, accepted, refused }: CrdCase): CrdCase[] {
  const prefix = 'spec.healthCheck.active';
  if (!rule.path.startsWith(prefix)) return [];
  const moved = (spec: object): object => {
    const { healthCheck, backends, ...rest } = spec as typeof MINIMAL & { healthCheck: object };
    return { ...rest, backends: [{ ...backends[0], healthCheck }] };
  };
  const path = rule.path.replace(prefix, 'spec.backends[0].healthCheck.active');
  return [{ rule: { ...rule, path }, accepted: moved(accepted), refused: moved(refused) }];
}

function laidOver(base: object, over: object): object {
  return Object.fromEntries(Object.entries({ ...base, ...over }).filter(([, value]) => value !== null));
}

function durationPaths(value: unknown, path: string): string[] {
  if (typeof value === 'string') return /^\d+m?s$/.test(value) ? [path] : [];
  if (Array.isArray(value)) return value.flatMap((item, i) => durationPaths(item, `${path}[${i}]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => durationPaths(child, `${path}.${key}`));
}

/** The spec with another value at `path`; durations that have to fit to it go along. */
function replaced(spec: object, path: string, text: string): object {
  const copy: unknown = structuredClone(spec);
  const steps = path
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.')
    .slice(1);
  const last = steps.pop()!;
  let at = copy as Record<string, unknown>;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  at[last] = text;
  const companion = { request: 'backendRequest', maxEjection: 'baseEjection' }[last];
  if (companion !== undefined) at[companion] = text;
  if (last === 'connect')
    delete (copy as { resilience: { connectHedgeDelay?: string } }).resilience.connectHedgeDelay;
  return copy as object;
}
