/**
 * One metric as it is documented and exported. Names follow Prometheus: a base unit, `_total` for what only grows.
 */
export interface MetricSpec {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** What each label may say; never anything that a client chooses. */
  readonly labels: Readonly<Record<string, string>>;
}
