import type { Listener } from '../../api/snapshot.ts';
import type { PoolIntent } from './resolve-pool.ts';

export interface Claim {
  readonly listener: Listener;
  readonly pool: PoolIntent;
}

/** Stands for every host. */
const EVERY_HOST = '';

/**
 * What the pools so far have of one port. Asked about a listener it answers from an index, so that a port which ten
 * thousand pools share costs each of them no more than one that two do.
 *
 * It leans on what has been kept: listeners on the same address agree with each other, and a host name is claimed by
 * one namespace only. The first claim therefore speaks for those after it.
 */
export class PortClaims {
  /** The first on each address; absent addresses under the empty one. */
  readonly #byAddress = new Map<string, Claim>();
  /** The first for each host name and wildcard. */
  readonly #byHost = new Map<string, Claim & { readonly order: number }>();
  #count = 0;

  add(claim: Claim): void {
    const { address = '', hostnames } = claim.listener;
    if (!this.#byAddress.has(address)) this.#byAddress.set(address, claim);
    const order = this.#count++;
    for (const host of hostnames.length > 0 ? hostnames : [EVERY_HOST]) {
      if (!this.#byHost.has(host)) this.#byHost.set(host, { ...claim, order });
    }
  }

  /** One claim for each address, oldest first. */
  addresses(): Iterable<Claim> {
    return this.#byAddress.values();
  }

  /** The oldest claim of another namespace that has the host name, or a wildcard with it. @param host undefined: every host */
  owner(host: string | undefined, namespace: string): Claim | undefined {
    const covering = [EVERY_HOST, ...(host === undefined ? [] : [host, ...wildcardsOver(host)])];
    return covering
      .flatMap((name) => this.#byHost.get(name) ?? [])
      .filter(({ pool }) => pool.namespace !== namespace)
      .toSorted((a, b) => a.order - b.order)[0];
  }

  /** The oldest claim of exactly this host name. @param host undefined: every host */
  twin(host: string | undefined): Claim | undefined {
    return this.#byHost.get(host ?? EVERY_HOST);
  }
}

/** Wildcards that cover a name: those of each domain it is below. */
function wildcardsOver(name: string): string[] {
  return [...name.matchAll(/\./g)].map(({ index }) => `*${name.slice(index)}`);
}
