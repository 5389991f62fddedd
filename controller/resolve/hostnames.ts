/**
 * Host names as listeners and routes write them: lower case, `*.` and a domain for every name of one or more labels
 * below it.
 */

/** Whether every host that `name` stands for is also one of `by`. */
export function isCovered(name: string, by: string): boolean {
  return by === name || (by.startsWith('*.') && name.endsWith(by.slice(1)));
}

/** Whether there is a host that both stand for. */
export function hostnamesMeet(a: string, b: string): boolean {
  return isCovered(a, b) || isCovered(b, a);
}
