import type { PoolSpec } from '../../api/pool.gen.ts';
import type { CredentialRef } from './credentials.ts';

/** Which pools have to be resolved again when something that they name changes. Keys are `namespace/name`. */
export class Dependents {
  readonly #poolsOf = new Map<string, Set<string>>();
  readonly #servicesOf = new Map<string, readonly string[]>();

  /** The pool names these Services now, and no others. */
  set(pool: string, services: readonly string[]): void {
    for (const service of this.#servicesOf.get(pool) ?? []) {
      const pools = this.#poolsOf.get(service);
      pools?.delete(pool);
      if (pools?.size === 0) this.#poolsOf.delete(service);
    }
    if (services.length === 0) {
      this.#servicesOf.delete(pool);
      return;
    }
    this.#servicesOf.set(pool, services);
    for (const service of services) {
      const pools = this.#poolsOf.get(service);
      if (pools === undefined) this.#poolsOf.set(service, new Set([pool]));
      else pools.add(pool);
    }
  }

  of(service: string): Iterable<string> {
    return this.#poolsOf.get(service) ?? [];
  }

  get size(): number {
    return this.#poolsOf.size + this.#servicesOf.size;
  }
}

/** The Services that a spec names, as keys in the pool's namespace. */
export function servicesOf(namespace: string, { backends }: PoolSpec): string[] {
  return backends.flatMap(({ service }) => (service === undefined ? [] : [`${namespace}/${service.name}`]));
}

/** The Secrets and ConfigMaps that a spec names, each once. */
export function credentialsOf({ listeners, backends }: PoolSpec): CredentialRef[] {
  const secret = ({ name }: { readonly name: string }): CredentialRef => ({ kind: 'Secret', name });
  const refs = [
    ...listeners.flatMap(({ tls }) => [
      ...(tls?.certificateRefs ?? []).map(secret),
      ...(tls?.clientValidation?.caRefs ?? []),
    ]),
    ...backends.flatMap(({ tls }) => [
      ...(tls?.caRef === undefined ? [] : [tls.caRef]),
      ...(tls?.clientCertificateRef === undefined ? [] : [secret(tls.clientCertificateRef)]),
    ]),
  ];
  return [...new Map(refs.map((ref) => [`${ref.kind} ${ref.name}`, ref])).values()];
}
