import type { Listener, PoolSnapshot, Protocol } from '../../api/snapshot.ts';

/** What a port is opened from; the same plan is made by the main thread, which binds, and by each worker, which serves. */
export interface PlannedPort {
  /** `tcp/0.0.0.0:8080`: names the port for as long as anything is served on it. */
  readonly id: string;
  readonly transport: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Oldest pool first. L4 ports have exactly one. */
  readonly entries: readonly { readonly pool: PoolSnapshot; readonly listener: Listener }[];
}

/** The older pool goes first; ties go to the smaller namespace/name. */
export function byAge(a: PoolSnapshot, b: PoolSnapshot): number {
  return a.createdAt - b.createdAt || compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

/**
 * The ports that a set of pools needs. HTTP, HTTPS and TLS listeners of several pools share a port; any other port
 * belongs to the oldest pool that asks for it, and so does the protocol. Conflicts are decided and reported where
 * snapshots are made (controller/resolve/conflicts.ts); here they only must not do harm.
 */
export function planPorts(pools: Iterable<PoolSnapshot>, bindAddress: string): Map<string, PlannedPort> {
  const ports = new Map<string, PlannedPort & { entries: { pool: PoolSnapshot; listener: Listener }[] }>();
  for (const pool of [...pools].sort(byAge)) {
    for (const listener of pool.config.listeners) {
      const transport = listener.protocol === 'UDP' ? 'udp' : 'tcp';
      const address = listener.address ?? bindAddress;
      const id = `${transport}/${address}:${listener.port}`;
      const planned = ports.get(id);
      if (planned === undefined) {
        const { port, protocol } = listener;
        ports.set(id, { id, transport, address, port, protocol, entries: [{ pool, listener }] });
      } else if (planned.protocol === listener.protocol && isShared(listener.protocol)) {
        planned.entries.push({ pool, listener });
      }
    }
  }
  return ports;
}

function isShared(protocol: Protocol): boolean {
  return protocol === 'HTTP' || protocol === 'HTTPS' || protocol === 'TLS';
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
