/** Resolves at the next SIGTERM or SIGINT. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const arrived = (): void => {
      process.off('SIGTERM', arrived);
      process.off('SIGINT', arrived);
      resolve();
    };
    process.on('SIGTERM', arrived);
    process.on('SIGINT', arrived);
  });
}

/** Aborts at the next SIGTERM or SIGINT: whoever sends a second one does not want to wait. */
export function forceSignal(): AbortSignal {
  const forced = new AbortController();
  void stopSignal().then(() => forced.abort());
  return forced.signal;
}
