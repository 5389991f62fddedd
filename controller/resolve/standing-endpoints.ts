import type { Endpoint } from '../../api/snapshot.ts';
import { joinRuns, runLength } from '../../api/runs.ts';
import { companyOf, conditionOf, type Company, type Policy } from './eligibility.ts';
import { comparePlace, type EndpointList } from './endpoint-union.ts';
import type { SourceEndpoint } from './slice-reading.ts';

/** A backend's endpoints as the pool wants them, and what they were made of. */
export interface StandingEndpoints {
  readonly sources: EndpointList;
  readonly company: Company;
  /** Weights come from elsewhere than the sources, and may change without them. */
  readonly isWeighted: boolean;
  /** Of each source, in their order; undefined: it counts as gone. */
  readonly made: readonly (Endpoint | undefined)[];
  readonly endpoints: readonly Endpoint[];
}

/**
 * @param weightOf what an endpoint weighs; absent: 1 each
 * @param before of much the same sources: only those that were not among them are looked at
 */
export function standingEndpoints(
  sources: EndpointList,
  policy: Policy,
  { weightOf, before }: { weightOf?: (source: SourceEndpoint) => number; before?: StandingEndpoints },
): StandingEndpoints {
  const company = companyOf(sources, policy);
  const make = (source: SourceEndpoint): Endpoint | undefined => {
    const condition = conditionOf(source, company);
    return condition === undefined ? undefined : endpointOf(source, condition, weightOf?.(source) ?? 1);
  };
  const isWeighted = weightOf !== undefined;
  const isAlike =
    before !== undefined && !before.isWeighted && !isWeighted && isSameCompany(before.company, company);
  if (isAlike && before.sources === sources) return before;
  const made = isAlike ? mapChanged(sources, make, before) : sources.map(make);
  const endpoints = isWhole(made) ? made : made.filter((endpoint) => endpoint !== undefined);
  return { sources, company, isWeighted, made, endpoints };
}

function isWhole(made: readonly (Endpoint | undefined)[]): made is readonly Endpoint[] {
  return !made.includes(undefined);
}

/** Both lists are in the order of their places: one walk over the two, which reads only what differs. */
function mapChanged(
  sources: EndpointList,
  make: (source: SourceEndpoint) => Endpoint | undefined,
  { sources: before, made }: StandingEndpoints,
): (Endpoint | undefined)[] {
  const runs: (readonly (Endpoint | undefined)[])[] = [];
  let i = 0;
  let j = 0;
  while (i < sources.length) {
    const same = runLength(sources, i, before, j);
    runs.push(made.slice(j, j + same));
    i += same;
    j += same;
    if (i === sources.length) break;
    const source = sources[i]!;
    if (j < before.length && comparePlace(before[j]!, source) <= 0) j += 1;
    else {
      runs.push([make(source)]);
      i += 1;
    }
  }
  return joinRuns(runs);
}

function isSameCompany(a: Company, b: Company): boolean {
  return (
    a.hasReady === b.hasReady &&
    a.terminatingEndpoints === b.terminatingEndpoints &&
    a.publishNotReadyAddresses === b.publishNotReadyAddresses
  );
}

/** Pools with the same Service have the same objects, and what has not changed stays the same object. */
const known = new WeakMap<SourceEndpoint, Endpoint>();

function endpointOf(source: SourceEndpoint, condition: Endpoint['condition'], weight: number): Endpoint {
  const last = known.get(source);
  if (last?.condition === condition && last.weight === weight) return last;
  const { address, port, targetUid, zone, nodeName, podName } = source;
  const endpoint: Endpoint = {
    address,
    port,
    targetUid,
    condition,
    weight,
    ...(zone === undefined ? {} : { zone }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(podName === undefined ? {} : { podName }),
  };
  known.set(source, endpoint);
  return endpoint;
}
