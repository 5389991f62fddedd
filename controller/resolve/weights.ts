/** What a pod's weight annotation says; undefined when it is no whole number from 0 to 1,000,000. */
export function parseWeight(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,6})$/.test(text)) return undefined;
  const weight = Number(text);
  return weight <= 1_000_000 ? weight : undefined;
}
