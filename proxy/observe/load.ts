/**
 * What a worker holds at this moment. With no client connected all of it is zero, but for `idleBackends` (and as many
 * `backends` and `deadlines`), which go within the time a backend lets a connection be idle.
 */
export interface WorkerLoad {
  readonly worker: number;
  /** Of clients; with UDP, flows. */
  readonly connections: number;
  /** HTTP requests under way, waiting ones included. */
  readonly requests: number;
  /** Requests and sessions that wait for an endpoint to have room. */
  readonly waiting: number;
  /** HTTP connections to backends: busy, idle or opening. */
  readonly backends: number;
  readonly idleBackends: number;
  /** Connects that go on though nobody waits for them any more. */
  readonly abandonedConnects: number;
  /** Timeouts that are set. */
  readonly deadlines: number;
}

/** Requests and sessions that an endpoint has, over all workers. */
export interface EndpointLoad {
  /** `namespace/name`. */
  readonly pool: string;
  readonly backend: string;
  readonly address: string;
  readonly port: number;
  readonly inFlight: number;
}

/** Requests and sessions that wait for an endpoint of a backend to have room, over all workers. */
export interface BackendQueue {
  /** `namespace/name`. */
  readonly pool: string;
  readonly backend: string;
  readonly waiting: number;
}

/** Answer of `/debug/load`. */
export interface ProxyLoad {
  readonly workers: readonly WorkerLoad[];
  /** Those that have any in flight, the busiest first. */
  readonly endpoints: readonly EndpointLoad[];
  /** Those in which anybody waits. */
  readonly queues: readonly BackendQueue[];
}
