import { describe, expect, it } from 'vitest';
import type { PoolStatus } from '../../../../api/pool.gen.ts';
import { firstStatusWaitsUntil } from '../../../../controller/status/first-status.ts';
import type { ProxyInput } from '../../../../controller/status/input.ts';

const NEW = { generation: 2, since: 10_000, digest: 'new' };
const BEFORE: PoolStatus = { observedGeneration: 1 };
const LAGS: ProxyInput = { name: 'a', connected: true, applied: 'old' };

describe('the first status of a generation', () => {
  it('waits for two seconds while a connected proxy owes its answer', () => {
    expect(firstStatusWaitsUntil(NEW, BEFORE, [LAGS], 10_000)).toBe(12_000);
    expect(firstStatusWaitsUntil(NEW, undefined, [LAGS], 11_999)).toBe(12_000);
    expect(firstStatusWaitsUntil(NEW, BEFORE, [LAGS], 12_000)).toBeUndefined();
  });

  it('comes at once when all have applied it, or refused it', () => {
    const applied: ProxyInput = { name: 'b', connected: true, applied: 'new' };
    const refused: ProxyInput = { ...LAGS, refused: { digest: 'new', text: 'no' } };
    expect(firstStatusWaitsUntil(NEW, BEFORE, [applied, refused], 10_000)).toBeUndefined();
    expect(firstStatusWaitsUntil(NEW, BEFORE, [applied, refused, LAGS], 10_000)).toBe(12_000);
  });

  it('waits through a refusal of what came before', () => {
    const refused: ProxyInput = { ...LAGS, refused: { digest: 'older', text: 'no' } };
    expect(firstStatusWaitsUntil(NEW, BEFORE, [refused], 10_000)).toBe(12_000);
  });

  it('waits for nobody who is away', () => {
    expect(firstStatusWaitsUntil(NEW, BEFORE, [{ ...LAGS, connected: false }], 10_000)).toBeUndefined();
    expect(firstStatusWaitsUntil(NEW, BEFORE, [], 10_000)).toBeUndefined();
  });

  it('has nothing to wait for when nothing is published', () => {
    const nothing = { ...NEW, digest: undefined };
    expect(firstStatusWaitsUntil(nothing, BEFORE, [LAGS], 10_000)).toBeUndefined();
  });

  it('is the first one only', () => {
    expect(firstStatusWaitsUntil(NEW, { observedGeneration: 2 }, [LAGS], 10_000)).toBeUndefined();
  });
});
