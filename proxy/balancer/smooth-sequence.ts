/** Longer sequences are not worth their memory, and those that take more steps not the time to make them. */
const MAX_LENGTH = 8_192;
const MAX_STEPS = 1_000_000;

/**
 * The shortest order of indexes in which each comes as often as its weight says and as evenly as whole turns allow:
 * smooth weighted round robin (each turn adds every weight to its index's credit, the highest credit is taken and
 * pays the sum of the weights), run until it repeats. 5, 1, 1 gives 0 0 1 0 2 0 0.
 *
 * Weights are whole numbers above 0. Undefined when the order would be too long.
 */
export function smoothSequence(weights: readonly number[]): Uint16Array | undefined {
  const divisor = weights.reduce(gcd, 0);
  const steps = weights.map((weight) => weight / divisor);
  const length = steps.reduce((sum, step) => sum + step, 0);
  if (length === weights.length) return Uint16Array.from(weights.keys());
  if (length > MAX_LENGTH || length * weights.length > MAX_STEPS) return undefined;
  const credits = new Float64Array(weights.length);
  const sequence = new Uint16Array(length);
  for (let turn = 0; turn < length; turn++) {
    let chosen = 0;
    for (let index = 0; index < steps.length; index++) {
      credits[index]! += steps[index]!;
      if (credits[index]! > credits[chosen]!) chosen = index;
    }
    credits[chosen]! -= length;
    sequence[turn] = chosen;
  }
  return sequence;
}

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
