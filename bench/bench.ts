import type { Origin } from './origin.ts';
import type { Peer } from './peers/peer.ts';
import type { Section } from './section.ts';

/** How much is put into each figure. */
export interface Effort {
  readonly rounds: number;
  /** Of each round. */
  readonly seconds: number;
  /** At least. */
  readonly warmUpSeconds: number;
}

/** What measures work with. */
export interface Bench {
  readonly effort: Effort;
  /** Those on this machine; ours is the first. */
  readonly peers: readonly Peer[];
  readonly origin: Origin;
  /** For files; goes when the run is over. */
  readonly dir: string;
  progress(what: string): void;
}

/** One thing that is measured. */
export interface Measure {
  readonly name: string;
  run(bench: Bench): Promise<Section>;
}
