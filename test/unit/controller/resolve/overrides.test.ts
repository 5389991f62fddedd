import { describe, expect, it } from 'vitest';
import { applyOverrides } from '../../../../controller/resolve/overrides.ts';
import type { EndpointOverride } from '../../../../api/pool.gen.ts';
import { endpoint } from '../../../support/builders.ts';

const ENDPOINTS = new Map([
  [
    'v1',
    [
      endpoint({ address: '10.0.0.1', port: 80, podName: 'a', targetUid: 'uid-a', nodeName: 'n1' }),
      endpoint({ address: '10.0.0.2', port: 80, podName: 'b', targetUid: 'uid-b', nodeName: 'n2' }),
    ],
  ],
  ['v2', [endpoint({ address: '2001:db8::1', port: 81, podName: 'c', targetUid: 'uid-c', nodeName: 'n1' })]],
]);

function apply(...overrides: EndpointOverride[]): {
  hands: string[];
  stale: readonly string[];
  next?: number;
} {
  const { endpoints, stale, nextExpiry } = applyOverrides(ENDPOINTS, overrides, 1_000_000);
  const hands = [...endpoints.values()]
    .flat()
    .flatMap(({ podName, override }) => (override === undefined ? [] : [`${podName} ${override}`]));
  return { hands, stale, ...(nextExpiry === undefined ? {} : { next: nextExpiry }) };
}

const pod = (name: string, uid?: string): EndpointOverride['target'] => ({
  type: 'Pod',
  pod: { name, ...(uid === undefined ? {} : { uid }) },
});

describe('applyOverrides', () => {
  it('finds endpoints by pod, address, address and port, and node', () => {
    expect(apply({ name: 'o', target: pod('a'), state: 'Drain' }).hands).toEqual(['a Drain']);
    expect(
      apply({
        name: 'o',
        target: { type: 'Address', address: { address: '2001:DB8:0::1' } },
        state: 'Exclude',
      }).hands,
    ).toEqual(['c Exclude']);
    expect(
      apply({
        name: 'o',
        target: { type: 'Address', address: { address: '10.0.0.1', port: 81 } },
        state: 'Drain',
      }),
    ).toEqual({ hands: [], stale: ['o'] });
    expect(
      apply({ name: 'o', target: { type: 'Node', node: { name: 'n1' } }, state: 'Drain' }).hands,
    ).toEqual(['a Drain', 'c Drain']);
  });

  it('lists one whose pod was replaced as stale', () => {
    expect(apply({ name: 'o', target: pod('a', 'uid-old'), state: 'Drain' })).toEqual({
      hands: [],
      stale: ['o'],
    });
    expect(apply({ name: 'o', target: pod('a', 'uid-a'), state: 'Drain' }).stale).toEqual([]);
  });

  it('lists one whose time is past as stale, and says when the next will be', () => {
    const at = (ms: number): string => new Date(ms).toISOString();
    expect(
      apply(
        { name: 'past', target: pod('a'), state: 'Drain', expireTime: at(1_000_000) },
        { name: 'soon', target: pod('b'), state: 'Drain', expireTime: at(2_000_000) },
        { name: 'later', target: pod('c'), state: 'Drain', expireTime: at(3_000_000) },
      ),
    ).toEqual({ hands: ['b Drain', 'c Drain'], stale: ['past'], next: 2_000_000 });
  });

  it('lets Exclude win over Drain', () => {
    expect(
      apply(
        { name: 'node', target: { type: 'Node', node: { name: 'n1' } }, state: 'Exclude' },
        { name: 'pod', target: pod('a'), state: 'Drain' },
      ).hands,
    ).toEqual(['a Exclude', 'c Exclude']);
  });

  it('leaves every other endpoint the object that it was', () => {
    const { endpoints } = applyOverrides(ENDPOINTS, [{ name: 'o', target: pod('a'), state: 'Drain' }], 0);
    expect(endpoints.get('v1')?.[1]).toBe(ENDPOINTS.get('v1')?.[1]);
  });
});
