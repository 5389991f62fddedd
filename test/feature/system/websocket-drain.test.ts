import { describe, expect, it } from 'vitest';
import { drainWebSockets } from '../../support/process/websocket-drain.ts';

const SOCKETS = 400;
const GRACE_MS = 4_000;

describe('a proxy that is told to end', () => {
  // F05
  it('keeps its WebSockets to the end of its grace, and ends them then', async () => {
    const drained = await drainWebSockets(SOCKETS, { graceMs: GRACE_MS, asked: 20 });
    expect(drained).toMatchObject({ endedAtOnce: 0, answered: 20, ended: SOCKETS, exitCode: 0 });
    expect(drained.firstMs).toBeGreaterThan(GRACE_MS - 500);
  }, 60_000);
});
