/** Puts load on a port of a proxy, from the load core, for so many seconds. */
export type Client = (port: number, seconds: number) => Promise<Outcome>;

export interface Outcome {
  /** Answered. */
  readonly requests: number;
  /** What else happened; empty: nothing. */
  readonly errors: string;
}
