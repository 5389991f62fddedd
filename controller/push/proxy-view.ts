import type { Hello } from '../../api/control_pb.ts';
import type { Newest } from '../../api/pool-update.ts';

/** What is known of one proxy, also for a while after it has gone. Kept up to date by its session. */
export interface ProxyView {
  readonly name: string;
  readonly version: string;
  readonly node: string;
  readonly zone: string;
  connected: boolean;
  /** It has applied a full sync: it counts. */
  ready: boolean;
  /** Monotonic milliseconds; while connected it is being seen. */
  lastSeenAt: number;
  /** The highest epoch that it has heard of. */
  epoch: number;
  /** What it serves: digest by pool uid. */
  readonly applied: Map<string, string>;
  /** What it refused, by pool uid; gone when it applies something newer. */
  readonly refused: Map<string, Refusal>;
  /** For each kind, the newest change in what it serves. */
  newest: Newest;
}

export interface Refusal {
  readonly digest: string;
  readonly faults: readonly { readonly path: string; readonly message: string }[];
  /** It has said the very same before. */
  readonly repeated: boolean;
}

export function newProxyView({ proxy: name, version, node, zone }: Hello, now: number): ProxyView {
  return {
    name,
    version,
    node,
    zone,
    connected: false,
    ready: false,
    lastSeenAt: now,
    epoch: 0,
    applied: new Map(),
    refused: new Map(),
    newest: {},
  };
}
