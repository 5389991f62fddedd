import { expect, it } from 'vitest';
import { drainWebSockets } from '../support/process/websocket-drain.ts';

const SOCKETS = 5_000;
const GRACE_MS = 20_000;

// F05
it(`${SOCKETS} WebSockets stay to the end of a drain, and end then`, async () => {
  const run = await drainWebSockets(SOCKETS, { graceMs: GRACE_MS, asked: SOCKETS });
  process.stdout.write(`${JSON.stringify(run)}\n`);
  expect(run).toMatchObject({ endedAtOnce: 0, answered: SOCKETS, ended: SOCKETS, exitCode: 0 });
  expect(run.firstMs).toBeGreaterThan(GRACE_MS - 1_000);
}, 120_000);
