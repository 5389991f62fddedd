/** Milliseconds of a Gateway API duration such as `1m30s`; the schema has checked its form. */
export function durationMs(text: string): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|h|m|s)/g)) {
    total += Number(amount) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
  }
  return total;
}

/** Bytes of a quantity such as `10Mi`, or of a plain number; the schema has checked its form. */
export function quantityBytes(quantity: number | string): number {
  if (typeof quantity === 'number') return quantity;
  const [, amount, unit = ''] = /^(\d+)(\D*)$/.exec(quantity) ?? [];
  return Number(amount) * BYTES[unit as keyof typeof BYTES];
}

const MILLISECONDS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

const BYTES = { '': 1, k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };
