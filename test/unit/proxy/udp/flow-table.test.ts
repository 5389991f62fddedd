import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FlowPlace, flowPlace, FlowTable } from '../../../../proxy/udp/flow-table.ts';

function tableOf(...keys: string[]): FlowTable<FlowPlace> {
  const table = new FlowTable<FlowPlace>();
  for (const [index, key] of keys.entries()) table.add(flowPlace(key), index);
  return table;
}

describe('FlowTable', () => {
  it('gives up the flow that was quiet for longest', () => {
    const table = tableOf('a', 'b', 'c');
    table.touch(table.get('a')!, 10);
    expect(table.oldest?.key).toBe('b');
  });

  // G10
  it('gives up those that were never heard again before those that were', () => {
    const table = tableOf('a', 'b', 'c');
    table.prove(table.get('a')!);
    table.prove(table.get('b')!);
    table.touch(table.get('c')!, 10);
    expect(table.oldest?.key).toBe('c');
    table.delete(table.get('c')!);
    table.add(flowPlace('d'), 11);
    table.prove(table.get('d')!);
    expect(table.oldest?.key).toBe('a');
  });

  // G10
  it('keeps those who talk through a flood of a million strangers', () => {
    const table = new FlowTable<FlowPlace>();
    const talkers = Array.from({ length: 500 }, (_, index) => flowPlace(`talker ${index}`));
    for (const talker of talkers) {
      table.add(talker, 0);
      table.prove(talker);
    }
    for (let stranger = 0; stranger < 1_000_000; stranger++) {
      if (table.size === 1_000) table.delete(table.oldest!);
      table.add(flowPlace(`stranger ${stranger}`), 1);
    }
    expect(table.size).toBe(1_000);
    expect(talkers.every((talker) => table.get(talker.key) === talker)).toBe(true);
  });

  it('names those that were quiet since a time, proven or not', () => {
    const table = tableOf('a', 'b', 'c');
    table.prove(table.get('b')!);
    expect(table.quietSince(0)).toBeUndefined();
    const quiet: string[] = [];
    for (let flow = table.quietSince(2); flow !== undefined; flow = table.quietSince(2)) {
      quiet.push(flow.key);
      expect(table.delete(flow)).toBe(true);
      expect(table.delete(flow)).toBe(false);
    }
    expect(quiet.toSorted()).toEqual(['a', 'b']);
    expect(table.size).toBe(1);
  });

  it('agrees with a plain list about order and size, whatever happens', () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'touch', 'prove', 'delete'),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new FlowTable<FlowPlace>();
        const unproven: string[] = [];
        const proven: string[] = [];
        const drop = (key: string): void => {
          for (const list of [unproven, proven]) if (list.includes(key)) list.splice(list.indexOf(key), 1);
        };
        for (const [now, { kind, key }] of steps.entries()) {
          const flow = table.get(key);
          if (flow === undefined) {
            if (kind !== 'add') continue;
            table.add(flowPlace(key), now);
            unproven.push(key);
          } else if (kind === 'touch') {
            table.touch(flow, now);
            const list = proven.includes(key) ? proven : unproven;
            drop(key);
            list.push(key);
          } else if (kind === 'prove') {
            table.prove(flow);
            if (!proven.includes(key)) {
              drop(key);
              proven.push(key);
            }
          } else if (kind === 'delete') {
            table.delete(flow);
            drop(key);
          }
          expect(table.size).toBe(unproven.length + proven.length);
          expect(table.oldest?.key).toBe(unproven[0] ?? proven[0]);
        }
      }),
    );
  });
});
