import type { ProxyView } from '../push/proxy-view.ts';
import type { PublishedPool } from '../push/published.ts';
import type { ProxyInput } from './input.ts';

/** How long a proxy may be behind by endpoints alone before its pool is no longer Programmed. */
const CATCH_UP_MS = 2_000;

/**
 * The proxies that are expected to serve, as status sees them: those that have applied a full sync and are connected,
 * or were a minute ago and whose pods are not gone, and those whose pods are ready. In the order of their names.
 */
export function proxyInputs(
  uid: string,
  published: PublishedPool | undefined,
  views: readonly ProxyView[],
  readyPods: readonly string[],
  now: number,
): ProxyInput[] {
  const inputs = new Map<string, ProxyInput>(readyPods.map((name) => [name, { name, connected: false }]));
  for (const view of views) {
    if (view.ready || inputs.has(view.name)) inputs.set(view.name, proxyInput(uid, published, view, now));
  }
  return [...inputs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function proxyInput(
  uid: string,
  published: PublishedPool | undefined,
  view: ProxyView,
  now: number,
): ProxyInput {
  const applied = view.applied.get(uid);
  const refused = view.refused.get(uid);
  const { name, connected } = view;
  return {
    name,
    connected,
    ...(applied === undefined ? {} : { applied, catchingUp: isCatchingUp(applied, published, now) }),
    ...(refused === undefined
      ? {}
      : {
          refused: {
            digest: refused.digest,
            text: refused.faults
              .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
              .join('; '),
          },
        }),
  };
}

function isCatchingUp(applied: string, published: PublishedPool | undefined, now: number): boolean {
  const past = published?.past(applied);
  if (published === undefined || past === undefined) return false;
  const sameSpec = past.snapshot.generation === published.snapshot.generation;
  return sameSpec && now - past.replacedAt < CATCH_UP_MS;
}
