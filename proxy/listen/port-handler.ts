import type { Socket } from 'node:net';
import type { Listener, Protocol } from '../../api/snapshot.ts';
import type { PoolRuntime } from '../worker/pool-runtime.ts';

/** What a port serves: one listener for L4, the listeners of one or more pools for HTTP, oldest pool first. */
export interface PortView {
  readonly protocol: Protocol;
  readonly port: number;
  readonly entries: readonly { readonly pool: PoolRuntime; readonly listener: Listener }[];
}

/**
 * Serves one port in one worker. It lives as long as the port does: `update` changes what new requests and
 * sessions meet, at once, and those under way go on as they began.
 */
export interface ServedPort {
  update(view: PortView): void;
  /** Finish what is under way, ask clients to leave, keep serving what still arrives; no new keep-alive. Idempotent. */
  drain(): void;
  /** Open client connections; UDP: flows. */
  readonly connections: number;
  /** File descriptors that these may take: two for a connection, its endpoint's included, one for a flow. */
  readonly descriptors: number;
  /** Ends everything now. Idempotent. */
  destroy(): void;
}

/** A TCP port, whose connections somebody else accepts. */
export interface PortHandler extends ServedPort {
  /** @param socket accepted with `allowHalfOpen` and `noDelay`, not paused */
  accept(socket: Socket): void;
}
