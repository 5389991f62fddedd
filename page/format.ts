/** Numbers and texts as the page writes them. */

const whole = new Intl.NumberFormat('en');

export function count(value: number): string {
  return whole.format(value);
}

/** Per second: one decimal where it matters. */
export function rate(value: number): string {
  return value > 0 && value < 10 ? value.toFixed(1) : whole.format(Math.round(value));
}

/** `1 pool`, `2 pools`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** A digest by its beginning, as people compare them. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

/** `SomeReason` in words: `some reason`. */
export function words(reason: string): string {
  return reason.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}
