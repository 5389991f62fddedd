import type { Problem } from '../../api/problem.ts';
import type { PoolAddress, PoolStatus, RedundancyStatus } from '../../api/pool.gen.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { PoolReports } from '../report/health-reports.ts';

/** Everything that a pool's status is made of. */
export interface StatusInput {
  readonly generation: number;
  readonly paused: boolean;
  readonly problems: readonly Problem[];
  /** Whether `snapshot` is made of this generation's spec, not of one before. */
  readonly servesThisSpec: boolean;
  /** What the proxies should have; absent: nothing that could be served. */
  readonly snapshot?: PoolSnapshot;
  readonly staleOverrides: readonly string[];
  /** The proxies that should serve: those that are ready, and those that were a minute ago. */
  readonly proxies: readonly ProxyInput[];
  readonly reports: PoolReports;
  readonly addresses: readonly PoolAddress[];
  readonly redundancy?: RedundancyStatus;
  /** As it was written last. */
  readonly previous?: PoolStatus;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** One expected proxy, and how it stands to this pool. */
export interface ProxyInput {
  readonly name: string;
  readonly connected: boolean;
  /** Digest of what it serves. */
  readonly applied?: string;
  /**
   * It serves what was current until a moment ago, of this generation, and is about to have the latest: enough to
   * stay Programmed, not enough to become it.
   */
  readonly catchingUp?: boolean;
  readonly refused?: { readonly digest: string; readonly text: string };
}
