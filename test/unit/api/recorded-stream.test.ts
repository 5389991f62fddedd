import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeToController, decodeToProxy } from '../../../api/control.ts';
import { readUpdate } from '../../../api/pool-update.ts';
import type { PoolSnapshot } from '../../../api/snapshot.ts';

interface Recording {
  readonly toProxy: readonly string[];
  readonly toController: readonly string[];
}

/** Recorded once and never made anew: what an older neighbour says must be understood. A new version adds a file. */
const RECORDINGS = ['control-stream-1.json'];

// I16
describe.each(RECORDINGS)('a stream recorded in %s', (file) => {
  const read = async (): Promise<Recording> =>
    JSON.parse(await readFile(join(import.meta.dirname, '../../fixtures', file), 'utf8')) as Recording;

  it('is understood by a proxy of today', async () => {
    let serving: PoolSnapshot | undefined;
    const kinds: string[] = [];
    for (const message of (await read()).toProxy) {
      const body = decodeToProxy(Buffer.from(message, 'base64'))!;
      kinds.push(body.case);
      if (body.case !== 'update') continue;
      expect(body.value.epoch).toBe(3);
      const result = readUpdate(body.value, serving);
      if (result.kind !== 'snapshot') throw new Error(result.kind);
      serving = result.snapshot;
    }
    expect(kinds).toEqual(['welcome', 'update', 'syncEnd', 'update', 'removal']);
    expect(serving!.digest).toBe('sha256:2');
    expect(serving!.config.listeners[0]!.port).toBe(8080);
    expect(serving!.endpoints['v1']!.map(({ port }) => port)).toEqual([9000, 9001]);
  });

  it('is understood by a controller of today', async () => {
    const bodies = (await read()).toController.map((message) =>
      decodeToController(Buffer.from(message, 'base64'))!,
    );
    expect(bodies.map((body) => body.case)).toEqual(['hello', 'ack', 'nack', 'ready', 'health']);
    expect(bodies.map((body) => body.value)).toMatchObject([
      {
        proxy: 'p',
        epoch: 2,
        applied: [{ uid: 'u1', digest: 'sha256:1' }],
        newest: { pools: '5' },
        ready: true,
      },
      { uid: 'u1', digest: 'sha256:1', epoch: 3 },
      { faults: [{ path: 'spec.listeners[0].port', message: 'taken' }], resync: false },
      {},
      {
        replace: true,
        gone: ['v1/x|10.0.0.1|80'],
        endpoints: [{ state: 'Unhealthy', reason: 'Timeout', since: 5 }],
      },
    ]);
  });
});
