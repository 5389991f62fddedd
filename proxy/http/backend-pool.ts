import type { EndpointState } from '../state/endpoint-state.ts';
import type { BackendConnection } from './h1/backend-connection.ts';

/** Idle connections to one endpoint that one worker keeps. */
const MAX_IDLE = 1_024;
/** A backend that announces nothing may close an idle connection at any time; most wait longer than this. */
const UNANNOUNCED_MS = 1_000;

/**
 * Idle HTTP/1.1 connections of one worker, by endpoint, the last used last. Each one leaves when it is taken, closed by the
 * backend, says anything, or has been idle for too long.
 */
export class BackendPool {
  readonly #idle = new Map<EndpointState, BackendConnection[]>();

  /** Idle connections. */
  get size(): number {
    let size = 0;
    for (const connections of this.#idle.values()) size += connections.length;
    return size;
  }

  /**
   * The connection that was used last. A request that may not be repeated only gets one that its backend cannot have
   * begun to close: idle for less than was announced, less a second, or for less than a second.
   */
  take(endpoint: EndpointState, isRepeatable: boolean, now: number): BackendConnection | undefined {
    const connections = this.#idle.get(endpoint);
    const last = connections?.at(-1);
    if (connections === undefined || last === undefined) return undefined;
    // Idle under another TLS than the endpoint's now: the connection is another identity's.
    if (last.tls !== endpoint.tls) {
      destroyAll(connections);
      return undefined;
    }
    const limit = isRepeatable || last.announcesIdle ? last.maxIdleMs : UNANNOUNCED_MS;
    if (now - last.idleSince >= limit) return undefined;
    connections.pop();
    return last;
  }

  put(connection: BackendConnection, now: number): void {
    if (!connection.isCurrent) {
      connection.destroy();
      return;
    }
    connection.idleSince = now;
    const connections = this.#idle.get(connection.endpoint);
    if (connections === undefined) this.#idle.set(connection.endpoint, [connection]);
    else {
      connections.push(connection);
      if (connections.length > MAX_IDLE) connections[0]!.destroy();
    }
  }

  /** For connections that end while idle. */
  remove(connection: BackendConnection): void {
    const connections = this.#idle.get(connection.endpoint);
    const at = connections?.indexOf(connection) ?? -1;
    if (connections === undefined || at === -1) return;
    connections.splice(at, 1);
    if (connections.length === 0) this.#idle.delete(connection.endpoint);
  }

  /** Closes what is idle to endpoints that are no more, or that are spoken to in another way now. */
  prune(): void {
    for (const connections of this.#idle.values()) {
      for (const connection of connections.filter(({ isCurrent }) => !isCurrent)) connection.destroy();
    }
  }

  close(): void {
    for (const connections of this.#idle.values()) destroyAll(connections);
  }
}

/** Each one leaves the list as it is destroyed. */
function destroyAll(connections: BackendConnection[]): void {
  for (let last = connections.at(-1); last !== undefined; last = connections.at(-1)) last.destroy();
}
