import { describe, expect, it } from 'vitest';
import { ModelPeer } from '../../../../../support/http2/model-peer.ts';
import { seededRng } from '../../../../../support/seeded-rng.ts';

const CONVERSATIONS = 150;
const STEPS = 300;

describe.each(['server', 'client'] as const)('an HTTP/2 %s', (role) => {
  it('keeps windows, order and every byte, whatever is said in whatever order', async () => {
    for (let seed = 1; seed <= CONVERSATIONS; seed++) {
      await expect(
        new ModelPeer(role, seededRng(seed)).converse(STEPS),
        `seed ${seed}`,
      ).resolves.toBeUndefined();
    }
  }, 60_000);
});
