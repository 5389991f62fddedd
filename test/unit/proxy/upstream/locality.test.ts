import { describe, expect, it } from 'vitest';
import { isWithin, reach, type Place } from '../../../../proxy/upstream/locality.ts';

/** `a/1` is zone a, node 1. */
function places(...texts: string[]): Place[] {
  return texts.map((text) => {
    const [zone = '', nodeName = ''] = text.split('/');
    return { zone, nodeName };
  });
}

const here: Place = { zone: 'a', nodeName: '1' };

describe('reach', () => {
  it.each([
    ['no preference', 'Any', ['a/1', 'b/2'], 'Any'],
    ['its zone has a fair share', 'PreferZone', ['a/1', 'b/2', 'c/3'], 'Zone'],
    ['its zone has none', 'PreferZone', ['b/2', 'c/3'], 'Any'],
    ['its zone has just half of an even share', 'PreferZone', ['a/1', 'b/2', 'b/3', 'b/4'], 'Zone'],
    ['its zone has less than that', 'PreferZone', ['a/1', 'b/2', 'b/3', 'b/4', 'b/5'], 'Any'],
    ['its node has one', 'PreferNode', ['a/1', 'a/2', 'b/3'], 'Node'],
    ['its node has none', 'PreferNode', ['a/2', 'b/3'], 'Zone'],
    ['its node has too few', 'PreferNode', ['a/1', 'a/2', 'a/2', 'a/2', 'a/2'], 'Zone'],
    ['node and zone have none', 'PreferNode', ['b/3', 'b/4'], 'Any'],
    ['nobody knows where anything is', 'PreferNode', ['', ''], 'Any'],
    ['there is nothing', 'PreferNode', [], 'Any'],
  ] as const)('when %s: %s of %j is %s', (_name, mode, eligible, expected) => {
    expect(reach(mode, here, places(...eligible))).toBe(expected);
  });

  it('does not take endpoints without a zone for its own when it does not know its own', () => {
    expect(reach('PreferZone', { zone: '', nodeName: '' }, places('', 'b'))).toBe('Any');
  });
});

describe('isWithin', () => {
  it('compares what the reach is about', () => {
    const [near, zone, far] = places('a/1', 'a/2', 'b/1');
    expect([near!, zone!, far!].map((place) => isWithin('Node', here, place))).toEqual([true, false, true]);
    expect([near!, zone!, far!].map((place) => isWithin('Zone', here, place))).toEqual([true, true, false]);
    expect([near!, zone!, far!].map((place) => isWithin('Any', here, place))).toEqual([true, true, true]);
  });
});
