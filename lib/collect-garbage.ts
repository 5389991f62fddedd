/** What a thread needs to start is no longer needed by then. */
const STARTED_MS = 5_000;

/**
 * Gives back what this thread no longer needs, at the cost of some milliseconds. Takes Node's `--expose-gc` (the
 * proxy's image has it); without that nothing happens.
 */
export function collectGarbage(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/**
 * Gives back, once, what this thread needed to start: V8 would keep it until its heap grows past what that took, which
 * it may never do.
 */
export function collectAfterStart(): void {
  setTimeout(collectGarbage, STARTED_MS).unref();
}
