import { joinRuns } from '../../api/runs.ts';
import type { SourceEndpoint } from './slice-reading.ts';

/** In canonical order (address, then port), each address and port once. */
export type EndpointList = readonly SourceEndpoint[];

/** Several lists, and what they tell together. */
export interface EndpointUnion {
  readonly lists: readonly EndpointList[];
  readonly endpoints: EndpointList;
}

/** What one slice tells, as a list: of two tellings of one address, the better one. */
export function listOfEndpoints(endpoints: EndpointList): EndpointList {
  const sorted = endpoints.toSorted((a, b) => comparePlace(a, b) || compareMerit(a, b));
  return sorted.filter((endpoint, i) => i === 0 || comparePlace(sorted[i - 1]!, endpoint) !== 0);
}

/**
 * What several lists tell together, whatever their order.
 * @param before of much the same lists: only the places of which a list tells something else are looked at again
 */
export function unionOfEndpoints(lists: readonly EndpointList[], before?: EndpointUnion): EndpointUnion {
  const places = before === undefined ? [] : listOfEndpoints(changedTellings(before.lists, lists));
  if (before === undefined || places.length * lists.length > before.endpoints.length)
    return { lists, endpoints: listOfEndpoints(lists.flat()) };
  if (places.length === 0) return { lists, endpoints: before.endpoints };
  return { lists, endpoints: withPlaces(before.endpoints, places, lists) };
}

/** By address, then by port. */
export function comparePlace(a: SourceEndpoint, b: SourceEndpoint): number {
  return compareText(a.address, b.address) || a.port - b.port;
}

/** What is told by one side alone. Readings of a slice share the objects of what has not changed. */
function changedTellings(before: readonly EndpointList[], after: readonly EndpointList[]): EndpointList {
  const [was, is] = [new Set(before), new Set(after)];
  const gone = new Set(before.flatMap((list) => (is.has(list) ? [] : list)));
  const come = new Set(after.flatMap((list) => (was.has(list) ? [] : list)));
  return [...gone.symmetricDifference(come)];
}

/** The list, with what is told of these places now. */
function withPlaces(list: EndpointList, places: EndpointList, lists: readonly EndpointList[]): EndpointList {
  const runs: EndpointList[] = [];
  let next = 0;
  for (const place of places) {
    const end = indexOfPlace(list, place);
    const told = lists.flatMap((each) => tellingAt(each, indexOfPlace(each, place), place));
    runs.push(list.slice(next, end), listOfEndpoints(told));
    next = end + tellingAt(list, end, place).length;
  }
  return joinRuns([...runs, list.slice(next)]);
}

/** Of the first member that does not come before the place. */
function indexOfPlace(list: EndpointList, place: SourceEndpoint): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePlace(list[middle]!, place) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The member at this index when it is of the place, else nothing. */
function tellingAt(list: EndpointList, index: number, place: SourceEndpoint): EndpointList {
  const found = list[index];
  return found !== undefined && comparePlace(found, place) === 0 ? [found] : [];
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
