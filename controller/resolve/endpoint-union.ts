import type { SourceEndpoint } from './slice-reading.ts';

/** In canonical order (address, then port), each address and port once. */
export type EndpointList = readonly SourceEndpoint[];

/** What one slice tells, as a list: of two tellings of one address, the better one. */
export function listOfEndpoints(endpoints: EndpointList): EndpointList {
  const sorted = endpoints.toSorted((a, b) => comparePlace(a, b) || compareMerit(a, b));
  return sorted.filter((endpoint, i) => i === 0 || comparePlace(sorted[i - 1]!, endpoint) !== 0);
}

/**
 * What several lists tell together. They are merged in pairs, the results in pairs again, and every merge is remembered
 * for as long as its lists live: when one list of many is replaced, only the merges on its way up are made anew.
 */
export function unionOfEndpoints(lists: readonly EndpointList[]): EndpointList {
  let level = lists;
  while (level.length > 1) {
    const next: EndpointList[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [a, b] = [level[i]!, level[i + 1]];
      next.push(b === undefined ? a : merged(a, b));
    }
    level = next;
  }
  return level[0] ?? [];
}

const merges = new WeakMap<EndpointList, WeakMap<EndpointList, EndpointList>>();

function merged(a: EndpointList, b: EndpointList): EndpointList {
  let known = merges.get(a);
  if (known === undefined) merges.set(a, (known = new WeakMap()));
  let list = known.get(b);
  if (list === undefined) known.set(b, (list = merge(a, b)));
  return list;
}

function merge(a: EndpointList, b: EndpointList): EndpointList {
  const list: SourceEndpoint[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const one = a[i]!;
    const other = b[j]!;
    const order = comparePlace(one, other);
    list.push(order < 0 || (order === 0 && compareMerit(one, other) <= 0) ? one : other);
    if (order <= 0) i += 1;
    if (order >= 0) j += 1;
  }
  for (; i < a.length; i += 1) list.push(a[i]!);
  for (; j < b.length; j += 1) list.push(b[j]!);
  return list;
}

function comparePlace(a: SourceEndpoint, b: SourceEndpoint): number {
  return compareText(a.address, b.address) || a.port - b.port;
}

/** The better of two tellings of one address first: ready, then serving; between equals, any fixed order. */
function compareMerit(a: SourceEndpoint, b: SourceEndpoint): number {
  return merit(b) - merit(a) || compareText(tellingText(a), tellingText(b));
}

function merit({ ready, serving, terminating }: SourceEndpoint): number {
  return (ready ? 4 : 0) + (serving ? 2 : 0) + (terminating ? 0 : 1);
}

function tellingText({ targetUid, podName = '', nodeName = '', zone = '' }: SourceEndpoint): string {
  return [targetUid, podName, nodeName, zone].join(' ');
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
