/**
 * Hostname patterns: `shop.example.com`, `*.example.com` (one or more whole labels at the left, so neither
 * `example.com` nor `xexample.com`), and the empty string, which takes every host. All in lower case.
 */

export function hostnameMatches(pattern: string, hostname: string): boolean {
  if (pattern === '') return true;
  if (!pattern.startsWith('*.')) return pattern === hostname;
  return hostname.length >= pattern.length && hostname.endsWith(pattern.slice(1));
}

/** The pattern that takes exactly what both take; undefined when no host is taken by both. */
export function intersectHostnames(a: string, b: string): string | undefined {
  if (hostnameMatches(a, b) || a === b) return b;
  if (hostnameMatches(b, a)) return a;
  return undefined;
}

/**
 * Orders patterns so that the more specific comes first: exact ones, then wildcards by length, then every host.
 * Of two patterns that take the same host this is the Gateway API's order (most characters that are no wildcard,
 * then most characters).
 */
export function compareHostnames(a: string, b: string): number {
  return specificity(b) - specificity(a);
}

function specificity(pattern: string): number {
  if (pattern === '') return 0;
  return pattern.startsWith('*.') ? pattern.length : 1_000 + pattern.length;
}
