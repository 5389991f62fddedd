export interface SlowStartConfig {
  readonly windowMs: number;
  /** 1..100 */
  readonly minWeightPercent: number;
}

/**
 * The part of its weight that each endpoint gets, in percent: rising evenly from `minWeightPercent` to 100 while it is
 * younger than `windowMs`.
 *
 * Youth is relative. When no endpoint is older than the window, the oldest is the measure: of endpoints that started
 * together all have their whole weight, since nobody is there to take what they leave, and nothing jumps when the first
 * of them comes of age.
 *
 * @param agesMs since each began to take traffic; undefined: it takes none, and will start with the least
 */
export function weightPercents(agesMs: readonly (number | undefined)[], config: SlowStartConfig): number[] {
  let grownUpMs = 0;
  for (const age of agesMs) if (age !== undefined) grownUpMs = Math.max(grownUpMs, age);
  grownUpMs = Math.min(grownUpMs, config.windowMs);
  return agesMs.map((age) => {
    if (age === undefined) return config.minWeightPercent;
    if (age >= grownUpMs) return 100;
    return Math.max(config.minWeightPercent, Math.floor((age / grownUpMs) * 100));
  });
}
