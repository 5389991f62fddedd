import type { PoolStatus } from '../../api/pool.gen.ts';

/** What is worth a write: nothing changed, only details did, or something that a person waits for. */
export type Difference = 'equal' | 'details' | 'transition';

export function difference(before: PoolStatus | undefined, next: PoolStatus): Difference {
  if (before === undefined) return 'transition';
  if (JSON.stringify(canonical(before)) === JSON.stringify(canonical(next))) return 'equal';
  return JSON.stringify(essence(before)) === JSON.stringify(essence(next)) ? 'details' : 'transition';
}

/** What a person waits for: conditions, how many endpoints are in which state, and how many proxies there are. */
function essence({ observedGeneration, conditions = [], summary, proxies, addresses }: PoolStatus): unknown {
  return canonical({
    observedGeneration,
    conditions: conditions.map(({ type, status, reason }) => ({ type, status, reason })),
    summary,
    proxies: { expected: proxies?.expected, connected: proxies?.connected },
    addresses,
  });
}

/** The same for the same content, whatever order the API server returns members and keyed lists in. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, canonical(member)]),
  );
}

export interface ConditionChange {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
}

/** One event for each condition that turned. */
export function conditionChanges(before: PoolStatus | undefined, next: PoolStatus): ConditionChange[] {
  return (next.conditions ?? []).flatMap(({ type, status, reason, message }): ConditionChange[] => {
    const was = before?.conditions?.find((each) => each.type === type);
    const good = type === 'Degraded' ? status === 'False' : status === 'True';
    if (was?.status === status || (was === undefined && type === 'Degraded' && good)) return [];
    return [{ type: good ? 'Normal' : 'Warning', reason, note: `${type} is ${status}: ${message}` }];
  });
}
