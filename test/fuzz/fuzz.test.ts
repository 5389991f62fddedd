import { describe, expect, it } from 'vitest';
import { mutated } from '../support/fuzz/mutate.ts';
import { TARGETS } from '../support/fuzz/targets.ts';
import { seededRng } from '../support/seeded-rng.ts';

/** `make fuzz`: this long for all of them, from another seed each time. In `make test`: some inputs, always the same. */
const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 0);
const SEED = Number(process.env['FUZZ_SEED'] ?? (SECONDS === 0 ? 1 : Date.now() % 1_000_000_000));
const INPUTS = 1_500;

/** R24, and A36 with the target `requests`: whatever the bytes, nothing is thrown, and what was understood is understood alike the next time. */
describe('any input at all', () => {
  it.each(TARGETS)(
    'is taken or refused, and nothing else: $name',
    ({ name, corpus, words, run }) => {
      const inputs = corpus.map((input) =>
        typeof input === 'string' ? Buffer.from(input, 'latin1') : input,
      );
      for (const input of inputs) run(input, seededRng(0));
      const end = performance.now() + (SECONDS * 1_000) / TARGETS.length;
      let count = 0;
      while (SECONDS === 0 ? count < INPUTS : performance.now() < end) {
        const seed = SEED + count;
        const rng = seededRng(seed);
        const input = mutated(inputs, words, rng);
        try {
          run(input, rng);
        } catch (error) {
          const where = `${name}, FUZZ_SEED=${seed}: ${JSON.stringify(input.toString('latin1'))}`;
          throw new Error(where, { cause: error });
        }
        count += 1;
      }
      if (SECONDS > 0) console.log(`${name}: ${count} inputs from seed ${SEED}`);
      expect(count).toBeGreaterThan(0);
    },
    (SECONDS + 60) * 1_000,
  );
});
