import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../../api/snapshot.ts';
import { applyEdit, editOf } from '../../../../proxy/worker/pool-edit.ts';
import type { PoolChange } from '../../../../proxy/worker/protocol.ts';
import { backend, endpoint, poolConfig, poolSnapshot } from '../../../support/builders.ts';

/** The slot is the endpoint's place in `known`. */
function change(lists: Record<string, readonly Endpoint[]>, known: readonly Endpoint[]): PoolChange {
  const config = poolConfig({ backends: Object.keys(lists).map((name) => backend({ name })) });
  const slots = Object.entries(lists).map(([name, list], upstream) => [
    name,
    { upstream, endpoints: list.map((each) => known.indexOf(each)) },
  ]);
  return { pool: poolSnapshot({ config, endpoints: lists }), slots: Object.fromEntries(slots) };
}

const ALL = Array.from({ length: 300 }, (_, i) => endpoint({ address: `10.0.${i >> 8}.${i & 255}` }));

describe('a change of a pool that a worker has', () => {
  it('makes there what it is here, whatever came, went, moved or changed', () => {
    const list = fc.array(fc.constantFrom(...ALL), { maxLength: 120 });
    const lists = fc.dictionary(fc.constantFrom('v1', 'v2', 'v3'), list);
    fc.assert(
      fc.property(lists, lists, (first, second) => {
        const before = change(first, ALL);
        const after = change(second, ALL);
        const edit = structuredClone(editOf(before, after));
        expect(applyEdit(structuredClone(before), edit)).toEqual(after);
      }),
      { seed: 3 },
    );
  });

  it('is as large as what changed, not as the pool', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => endpoint({ address: `10.${i >> 8}.0.${i & 255}` }));
    const other = { ...many[5_000]!, condition: 'Terminating' as const };
    const known = [...many, other];
    const before = change({ v1: many }, known);
    const after = change({ v1: many.with(5_000, other).toSpliced(2_000, 1) }, known);
    const edit = editOf(before, { ...after, pool: { ...after.pool, config: before.pool.config } });
    expect(JSON.stringify(edit).length).toBeLessThan(1_000);
  });
});
