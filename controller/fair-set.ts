/**
 * Keys that wait for their turn, each of a tenant. They are taken one tenant after the other, and within a tenant in
 * the order in which they came: however much one tenant asks for, another's first key is never behind more keys than
 * there are tenants.
 */
export class FairSet {
  /** Whose turn it is comes first. */
  readonly #tenants = new Map<string, Set<string>>();
  /** Of each key that waits. */
  readonly #tenantOf = new Map<string, string>();
  readonly #askTenant: (key: string) => string;

  /** @param tenantOf asked once for each key that is added */
  constructor(tenantOf: (key: string) => string) {
    this.#askTenant = tenantOf;
  }

  get size(): number {
    return this.#tenantOf.size;
  }

  /** A key that waits already keeps its place. */
  add(key: string): void {
    if (this.#tenantOf.has(key)) return;
    const tenant = this.#askTenant(key);
    this.#tenantOf.set(key, tenant);
    const keys = this.#tenants.get(tenant);
    if (keys === undefined) this.#tenants.set(tenant, new Set([key]));
    else keys.add(key);
  }

  /** Its tenant has had its turn, and is last now. */
  delete(key: string): void {
    const tenant = this.#tenantOf.get(key);
    if (tenant === undefined) return;
    this.#tenantOf.delete(key);
    const keys = this.#tenants.get(tenant)!;
    keys.delete(key);
    this.#tenants.delete(tenant);
    if (keys.size > 0) this.#tenants.set(tenant, keys);
  }

  clear(): void {
    this.#tenants.clear();
    this.#tenantOf.clear();
  }

  /** Every key in the order of turns. Keys may be deleted on the way; those that are added may or may not be seen. */
  *[Symbol.iterator](): Generator<string> {
    let rest = [...this.#tenants.values()].map((keys) => keys.values());
    while (rest.length > 0) {
      const more: typeof rest = [];
      for (const keys of rest) {
        const { done, value } = keys.next();
        if (done === true) continue;
        yield value;
        more.push(keys);
      }
      rest = more;
    }
  }
}
