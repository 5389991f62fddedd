import { isDeepStrictEqual } from 'node:util';
import type { Listener, ListenerTLS } from '../../api/snapshot.ts';
import type { PortView } from '../listen/port-handler.ts';
import { HostIndex } from '../routing/host-index.ts';
import { ServerContexts, type TerminateTLS } from './server-context.ts';

/** One listener of a TLS port, as its handshakes know it. */
export type TlsEntry = TerminatingEntry | PassthroughEntry;

interface EntryOf {
  /** Names the listener over changes of its settings. */
  readonly id: string;
  readonly poolUid: string;
  readonly listener: Listener;
}

export interface TerminatingEntry extends EntryOf {
  readonly mode: 'Terminate';
  readonly tls: TerminateTLS;
  readonly contexts: ServerContexts;
}

export interface PassthroughEntry extends EntryOf {
  readonly mode: 'Passthrough';
}

/**
 * Which listener of a port a server name leads to: the one with the most specific host name that takes it; of two with
 * the same, the older pool's.
 */
export class TlsPort {
  readonly #entries: readonly TlsEntry[];
  readonly #hosts: HostIndex<TlsEntry>;

  /** @param before of the same port: contexts of listeners whose TLS is the same are kept, with their sessions */
  constructor(view: PortView, before?: TlsPort) {
    const known = new Map((before === undefined ? [] : before.#entries).map((entry) => [entry.id, entry]));
    this.#entries = view.entries.flatMap(({ pool, listener }): TlsEntry[] => {
      if (listener.tls === undefined) return [];
      const id = `${pool.uid}/${listener.name}`;
      return [entryOf(id, { poolUid: pool.uid, listener, tls: listener.tls }, known.get(id))];
    });
    const hosts = new Map<string, TlsEntry>();
    for (const entry of this.#entries) {
      const { hostnames } = entry.listener;
      for (const pattern of hostnames.length > 0 ? hostnames : ['']) {
        if (!hosts.has(pattern)) hosts.set(pattern, entry);
      }
    }
    this.#hosts = new HostIndex(hosts);
  }

  /** The oldest pool's. */
  get first(): TlsEntry | undefined {
    return this.#entries[0];
  }

  /** Undefined: nobody serves it. Who names no host is served by a listener for every host. */
  find(serverName: string | undefined): TlsEntry | undefined {
    return this.#hosts.find(serverName ?? '');
  }
}

export function requiresCertificate(entry: TlsEntry): boolean {
  return entry.mode === 'Terminate' && entry.tls.clientValidation?.mode === 'Required';
}

function entryOf(
  id: string,
  { poolUid, listener, tls }: { poolUid: string; listener: Listener; tls: ListenerTLS },
  known: TlsEntry | undefined,
): TlsEntry {
  if (tls.mode === 'Passthrough') return { mode: 'Passthrough', id, poolUid, listener };
  const contexts =
    known?.mode === 'Terminate' && isDeepStrictEqual(known.tls, tls)
      ? known.contexts
      : new ServerContexts(tls, id);
  return { mode: 'Terminate', id, poolUid, listener, tls, contexts };
}
