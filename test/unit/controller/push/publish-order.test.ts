import { describe, expect, it } from 'vitest';
import type { Problem } from '../../../../api/problem.ts';
import { publishOrder } from '../../../../controller/push/publish-order.ts';
import type { Settled } from '../../../../controller/resolve/conflicts.ts';
import { poolConfig } from '../../../support/builders.ts';

const CONFIG = poolConfig({});
const WON: Settled = { config: CONFIG, problems: [] };
const conflict = (message: string): Problem => ({
  condition: 'Accepted',
  reason: 'PortConflict',
  path: 'spec.listeners[0].port',
  message,
});
const LOST: Settled = { problems: [conflict('port 80 belongs to a/x')] };

/** @param pools key and uid: how each was settled before, and how it is now */
function order(
  pools: Readonly<Record<string, readonly [Settled | undefined, Settled | undefined]>>,
  ...dirty: string[]
): string[] {
  const entries = Object.entries(pools);
  return publishOrder(
    new Map(entries.map(([key, [settled]]) => [key, { uid: `uid of ${key}`, settled }])),
    new Map(entries.flatMap(([key, [, now]]) => (now === undefined ? [] : [[`uid of ${key}`, now]]))),
    new Map(dirty.map((key) => [key, 0])),
  );
}

describe('publishOrder', () => {
  it('leaves out what is neither dirty nor touched by what became of others', () => {
    expect(order({ 'a/x': [WON, WON], 'a/y': [WON, WON] }, 'a/y')).toEqual(['a/y']);
  });

  it('takes a pool that is new, and one that there is nothing to settle of', () => {
    expect(order({ 'a/x': [undefined, WON], 'a/y': [undefined, undefined] }, 'a/y')).toEqual(['a/x', 'a/y']);
  });

  it('takes those that get or lose something by a change of another', () => {
    const smaller: Settled = { config: poolConfig({ listeners: [] }), problems: [] };
    expect(order({ 'a/x': [WON, smaller], 'a/y': [LOST, WON], 'a/z': [WON, WON] })).toEqual(['a/x', 'a/y']);
  });

  it('looks at what problems say, not at whether they were written down anew', () => {
    const again: Settled = { problems: [conflict('port 80 belongs to a/x')] };
    const other: Settled = { problems: [conflict('port 80 belongs to a/w')] };
    expect(order({ 'a/y': [LOST, again] })).toEqual([]);
    expect(order({ 'a/y': [LOST, other] })).toEqual(['a/y']);
  });

  it('has who loses a port let go of it before another gets it', () => {
    expect(order({ 'a/x': [undefined, WON], 'a/y': [WON, LOST] }, 'a/x')).toEqual(['a/y', 'a/x']);
  });
});
