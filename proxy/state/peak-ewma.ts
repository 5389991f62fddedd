/** A sample's weight falls to 1/e in this time, and so does the memory of a bad one when no more come. */
const DECAY_MS = 10_000;
/** Cost of an endpoint whose latency nobody knows yet, while the request that will tell is under way. */
const UNKNOWN_US = 1e12;

/**
 * The latency after one more sample, in µs: a peak-sensitive moving average. A sample above the average replaces it,
 * one below moves it by how much time has passed: slowness is believed at once, recovery bit by bit.
 *
 * @param averageUs 0: none known yet
 */
export function nextLatencyUs(averageUs: number, sampleUs: number, elapsedMs: number): number {
  if (averageUs === 0 || sampleUs >= averageUs) return sampleUs;
  const kept = Math.exp(-elapsedMs / DECAY_MS);
  return averageUs * kept + sampleUs * (1 - kept);
}

/**
 * What one more request would cost there: latency, forgotten with time so that a slow endpoint is tried again, times
 * the requests it would share the endpoint with. An endpoint that was never measured gets one request at a time.
 */
export function latencyCost(averageUs: number, elapsedMs: number, inFlight: number): number {
  if (averageUs === 0) return inFlight === 0 ? 0 : UNKNOWN_US * inFlight;
  return averageUs * Math.exp(-elapsedMs / DECAY_MS) * (inFlight + 1);
}
