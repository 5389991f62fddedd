import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { ScriptedBackend } from '../support/http/backend.ts';
import { rotateUnderHandshakes } from '../support/load/rotation-run.ts';

const COUNT = 100_000;

// CATALOGUE K08, R27
describe('100,000 handshakes while the certificate is replaced twice a second', () => {
  let backend: ScriptedBackend;

  beforeAll(async () => {
    backend = await ScriptedBackend.start();
  });

  afterAll(() => backend.close());

  it('all come about, and what was open stays open', async () => {
    const [listen] = (await freePorts(1)) as [number];
    const outcome = await rotateUnderHandshakes({
      count: COUNT,
      everyMs: 500,
      ports: { listen, backend: backend.port },
    });
    const { handshakes, rotations, certificates } = outcome;
    process.stdout.write(
      `${handshakes} handshakes, ${rotations} rotations, ${certificates.size} certificates\n`,
    );
    expect(Object.fromEntries(outcome.failures)).toEqual({});
    expect(outcome.keptConnection).toBe(true);
    expect(certificates.size).toBeGreaterThan(50);
  }, 1_800_000);
});
