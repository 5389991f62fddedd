import Table from 'cli-table3';
import { age } from '../lib/age.ts';
import { hostPort } from '../lib/host-port.ts';
import type { LoadBalancerPool } from '../api/pool.ts';
import type { EndpointStatus } from '../api/pool.gen.ts';

/** The columns of `kubectl get lbp`; `wide` those of `-o wide`. */
export function poolTable(pools: readonly LoadBalancerPool[], wide: boolean, now: number): string {
  const head = [
    'NAMESPACE',
    'NAME',
    'ALGORITHM',
    'ACCEPTED',
    'PROGRAMMED',
    'AVAILABLE',
    'HEALTHY',
    'PROXIES',
    'AGE',
  ];
  if (wide) head.push('ADDRESS', 'REASON');
  return plainTable(
    head,
    [...pools].sort(byName).map((pool) => {
      const { metadata, spec, status } = pool;
      const row = [
        metadata.namespace,
        metadata.name,
        spec.loadBalancing.algorithm,
        conditionOf(pool, 'Accepted'),
        conditionOf(pool, 'Programmed'),
        conditionOf(pool, 'Available'),
        status?.summary?.healthyText ?? '',
        status?.proxies?.text ?? '',
        age(now - Date.parse(metadata.creationTimestamp)),
      ];
      if (wide) row.push(status?.summary?.addressText ?? '', status?.summary?.reason ?? '');
      return row;
    }),
  );
}

/** Endpoints with state and reason, those in trouble first as the status has them. */
export function endpointTable(endpoints: readonly EndpointStatus[], now: number): string {
  return plainTable(
    ['BACKEND', 'ENDPOINT', 'POD', 'STATE', 'SOURCE', 'REASON', 'FOR', 'MESSAGE'],
    endpoints.map((endpoint) => [
      endpoint.backend,
      hostPort(endpoint.address, endpoint.port),
      endpoint.podName ?? '',
      endpoint.state,
      endpoint.source ?? '',
      endpoint.reason ?? '',
      endpoint.since === undefined ? '' : age(now - Date.parse(endpoint.since)),
      endpoint.message ?? '',
    ]),
  );
}

/** Everything about one pool that its status says, for a person. */
export function describePool(pool: LoadBalancerPool, now: number): string {
  const { metadata, spec, status } = pool;
  const facts: [string, string][] = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Class', spec.className],
    ['Algorithm', spec.loadBalancing.algorithm],
    ['Listeners', spec.listeners.map(({ name, protocol, port }) => `${name} ${protocol} ${port}`).join(', ')],
    ['Healthy', status?.summary?.healthyText ?? ''],
    ['Proxies', status?.proxies?.text ?? ''],
    ['Addresses', (status?.addresses ?? []).map(({ value }) => value).join(', ')],
    ['Config', status?.config?.digest ?? ''],
  ];
  if (status?.config?.lastError !== undefined && status.config.lastError !== '') {
    facts.push(['Last error', status.config.lastError]);
  }
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  const sections = [facts.map(([name, value]) => `${`${name}:`.padEnd(width)}${value}`.trimEnd()).join('\n')];
  const conditions = status?.conditions ?? [];
  if (conditions.length > 0) {
    sections.push(
      `Conditions:\n${plainTable(
        ['TYPE', 'STATUS', 'REASON', 'FOR', 'MESSAGE'],
        conditions.map(({ type, status, reason, lastTransitionTime, message }) => [
          type,
          status,
          reason,
          age(now - Date.parse(lastTransitionTime)),
          message,
        ]),
      )}`,
    );
  }
  const endpoints = status?.endpoints ?? [];
  if (endpoints.length > 0) sections.push(`Endpoints:\n${endpointTable(endpoints, now)}`);
  if (status?.endpointsTruncated === true)
    sections.push('(more endpoints exist; these are in trouble first)');
  return sections.join('\n\n');
}

export function conditionOf(pool: LoadBalancerPool, type: string): string {
  return pool.status?.conditions?.find((condition) => condition.type === type)?.status ?? '';
}

function byName({ metadata: a }: LoadBalancerPool, { metadata: b }: LoadBalancerPool): number {
  return a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name);
}

/** Columns with two spaces between them, as kubectl prints. */
export function plainTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const none = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' };
  const table = new Table({
    head: [...head],
    chars: {
      ...none,
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '  ',
    },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  // What a cluster's objects say must not move a terminal's cursor.
  for (const row of rows) table.push(row.map((cell) => cell.replaceAll(/\p{Cc}/gu, '�')));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
