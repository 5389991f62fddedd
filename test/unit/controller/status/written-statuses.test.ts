import { describe, expect, it } from 'vitest';
import { WrittenStatuses } from '../../../../controller/status/written-statuses.ts';

const pool = (resourceVersion: string, observedGeneration: number) => ({
  metadata: { uid: 'u1' },
  resourceVersion,
  status: { observedGeneration },
});

describe('WrittenStatuses', () => {
  it('says what was written until the watch shows it', () => {
    const written = new WrittenStatuses();
    const stale = pool('9', 1);
    expect(written.statusOf(stale)).toBe(stale.status);
    const status = { observedGeneration: 2 };
    written.record('u1', { status, resourceVersion: '10' });
    expect(written.statusOf(stale)).toBe(status);
    expect(written.versionOf(stale)).toBe('10');
    expect(written.statusOf({ ...stale, metadata: { uid: 'u2' } })).toBe(stale.status);
  });

  it('believes the watch once it shows something newer, and from then on', () => {
    const written = new WrittenStatuses();
    written.record('u1', { status: { observedGeneration: 2 }, resourceVersion: '10' });
    // As numbers: '9' is not newer than '10', '11' is.
    const newer = pool('11', 3);
    expect(written.versionOf(newer)).toBe('11');
    expect(written.statusOf(newer)).toBe(newer.status);
    const older = pool('9', 1);
    expect(written.statusOf(older)).toBe(older.status);
  });

  it('forgets a pool that is gone', () => {
    const written = new WrittenStatuses();
    written.record('u1', { status: {}, resourceVersion: '10' });
    written.forget('u1');
    expect(written.versionOf(pool('9', 1))).toBe('9');
  });
});
