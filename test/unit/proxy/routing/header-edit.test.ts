import { describe, expect, it } from 'vitest';
import type { HeaderChanges } from '../../../../api/snapshot.ts';
import { compileHeaderEdit } from '../../../../proxy/routing/header-edit.ts';

const changes = (over: Partial<HeaderChanges>): HeaderChanges => ({ set: [], add: [], remove: [], ...over });

describe('a header edit', () => {
  it('takes out what is set or removed and appends what is set or added', () => {
    const edit = compileHeaderEdit([
      changes({
        set: [{ name: 'X-Set', value: 's' }],
        add: [{ name: 'X-Add', value: 'a' }],
        remove: ['X-Remove'],
      }),
    ]);
    expect(edit?.removes).toEqual(new Set(['x-remove', 'x-set']));
    expect(edit?.lines).toBe('x-set: s\r\nx-add: a\r\n');
    expect(edit?.pairs).toEqual([
      ['x-set', 's'],
      ['x-add', 'a'],
    ]);
  });

  it('does what several filters do one after the other', () => {
    const edit = compileHeaderEdit([
      changes({
        add: [
          { name: 'a', value: '1' },
          { name: 'b', value: '1' },
          { name: 'c', value: '1' },
        ],
      }),
      changes({ set: [{ name: 'A', value: '2' }], add: [{ name: 'b', value: '2' }], remove: ['c'] }),
    ]);
    expect(edit?.removes).toEqual(new Set(['c', 'a']));
    expect(edit?.lines).toBe('b: 1\r\na: 2\r\nb: 2\r\n');
  });

  it('is nothing when there is nothing to do', () => {
    expect(compileHeaderEdit([])).toBeUndefined();
    expect(compileHeaderEdit([changes({})])).toBeUndefined();
  });

  it.each(['Content-Length', 'transfer-encoding', 'Connection', 'TE', 'upgrade', 'Host', 'a b', '', 'x:y'])(
    'never touches %j',
    (name) => {
      const one = [{ name, value: '1' }];
      expect(compileHeaderEdit([changes({ set: one, add: one, remove: [name] })])).toBeUndefined();
    },
  );

  it.each(['a\r\nb: c', 'a\nb', 'a\0', ' a', 'a ', '\u0100'])('never writes the value %j', (value) => {
    expect(compileHeaderEdit([changes({ set: [{ name: 'x', value }] })])).toBeUndefined();
  });
});
