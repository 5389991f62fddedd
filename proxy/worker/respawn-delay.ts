/** Who lives for this long has had an accident; who dies sooner may do so again and again. */
const STABLE_MS = 10_000;
/** Who dies sooner than this could not even start. */
const STILLBORN_MS = 100;

/** How long the successor of a worker that died waits, so that a thread that cannot live does not cost a core. */
export function respawnDelayMs(livedMs: number): number {
  if (livedMs > STABLE_MS) return 0;
  return livedMs < STILLBORN_MS ? 1_000 : 50;
}
