/** What a thread needs to start is no longer needed by then. */
const STARTED_MS = 5_000;

/**
 * Gives back, once, what this thread needed to start: V8 would keep it until its heap grows past what that took, which
 * it may never do. Takes Node's `--expose-gc` (the proxy's image has it); without that nothing happens.
 */
export function collectAfterStart(): void {
  const { gc } = globalThis;
  if (gc === undefined) return;
  setTimeout(() => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' }), STARTED_MS).unref();
}
