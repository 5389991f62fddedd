import type { BackendStatus } from '../../api/pool.gen.ts';
import type { BackendRef, PoolConfig } from '../../api/snapshot.ts';
import type { EndpointView } from '../report/aggregate.ts';

export interface BackendView {
  readonly name: string;
  /** A route or a default leads to it. */
  readonly inUse: boolean;
  readonly total: number;
  /** Those that their resource calls ready, and no hand has taken out. */
  readonly ready: number;
  readonly healthy: number;
}

export function viewBackends(config: PoolConfig, endpoints: readonly EndpointView[]): BackendView[] {
  const refs = [config.defaultBackendRefs, ...config.routes.map(({ backendRefs }) => backendRefs)].flat();
  const used = new Set(refs.map(({ name }) => name));
  const views = new Map(
    config.backends.map(({ name }) => [
      name,
      { name, inUse: used.has(name), total: 0, ready: 0, healthy: 0 },
    ]),
  );
  // Once over all of them: there may be thousands.
  for (const { backend, endpoint, verdict } of endpoints) {
    const view = views.get(backend);
    if (view === undefined) continue;
    view.total += 1;
    if (isReady(endpoint)) view.ready += 1;
    if (verdict.state === 'Healthy') view.healthy += 1;
  }
  return [...views.values()];
}

function isReady({ condition, override }: EndpointView['endpoint']): boolean {
  return condition === 'Ready' && override === undefined;
}

/** The priority that takes the traffic of these refs: the first that is healthy enough, else the healthiest. */
export function activePriority(
  refs: readonly BackendRef[],
  backends: readonly BackendView[],
  minHealthyPercent: number,
): number | undefined {
  const byName = new Map(backends.map((backend) => [backend.name, backend]));
  const priorities = [...new Set(refs.map(({ priority }) => priority))].sort((a, b) => a - b);
  const percent = (priority: number): number => {
    const own = refs.filter((ref) => ref.priority === priority).map(({ name }) => byName.get(name));
    const ready = own.reduce((sum, backend) => sum + (backend?.ready ?? 0), 0);
    const healthy = own.reduce((sum, backend) => sum + (backend?.healthy ?? 0), 0);
    return ready === 0 ? 0 : (100 * healthy) / ready;
  };
  const enough = priorities.find(
    (priority) => percent(priority) > 0 && percent(priority) >= minHealthyPercent,
  );
  if (enough !== undefined) return enough;
  const [healthiest] = priorities.toSorted((a, b) => percent(b) - percent(a));
  return healthiest;
}

/** With the share of the default traffic that each gets now. */
export function backendStatuses(config: PoolConfig, backends: readonly BackendView[]): BackendStatus[] {
  const refs = config.defaultBackendRefs;
  const active = activePriority(refs, backends, config.loadBalancing.failover.minHealthyPercent);
  const healthy = new Set(backends.flatMap(({ name, healthy }) => (healthy > 0 ? [name] : [])));
  const weights = new Map<string, number>();
  for (const { name, weight, priority } of refs) {
    if (priority === active && healthy.has(name)) weights.set(name, (weights.get(name) ?? 0) + weight);
  }
  const sum = [...weights.values()].reduce((total, weight) => total + weight, 0);
  return backends.map(({ name, total, healthy: count }) => ({
    name,
    total,
    healthy: count,
    effectiveWeightPercent: sum === 0 ? 0 : Math.round((100 * (weights.get(name) ?? 0)) / sum),
  }));
}
