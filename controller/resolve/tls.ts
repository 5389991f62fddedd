import { hkdfSync } from 'node:crypto';
import type { ResolvedRefsReason } from '../../api/conditions.ts';
import type { BackendSpec, CAReference, ListenerSpec, PoolSpec } from '../../api/pool.gen.ts';
import type { Problem } from '../../api/problem.ts';
import type { BackendTLS, ListenerTLS } from '../../api/snapshot.ts';
import {
  readBundle,
  readCertificate,
  type BundleReading,
  type CertificateReading,
  type Reading,
} from './certificates.ts';
import type { ConfigMap, Secret, Unread, World } from './world.ts';

/**
 * The certificates, keys and CA bundles that a pool serves with, by what they were read from. Handed from one
 * resolution to the next: what was good goes on while its object is broken, gone or out of reach.
 */
export interface Credentials {
  readonly certificates: ReadonlyMap<string, CertificateReading>;
  readonly bundles: ReadonlyMap<string, BundleReading>;
}

export const NO_CREDENTIALS: Credentials = { certificates: new Map(), bundles: new Map() };

export interface ResolvedTls {
  /** By name, those that have TLS. */
  readonly listeners: ReadonlyMap<string, ListenerTLS>;
  /** By name, those that have TLS. */
  readonly backends: ReadonlyMap<string, BackendTLS>;
  readonly problems: readonly Problem[];
  readonly credentials: Credentials;
  /** Look again by then, in milliseconds since the epoch: what is said of a certificate's end changes. */
  readonly nextCheck?: number;
}

const NONE: ResolvedTls = {
  listeners: new Map(),
  backends: new Map(),
  problems: [],
  credentials: NO_CREDENTIALS,
};

const DAY_MS = 86_400_000;
/** How long before its end a certificate is told of: more than cert-manager's third of 90 days has failed by then. */
const EXPIRES_SOON_MS = 21 * DAY_MS;

interface Context {
  readonly namespace: string;
  /** Of the pool. */
  readonly uid: string;
  readonly world: World;
  readonly before: Credentials;
}

/** What listeners and backends need of Secrets and ConfigMaps. Everything that is wrong with those is told. */
export function resolveTls(spec: PoolSpec, context: Context): ResolvedTls {
  const isUsed = [...spec.listeners, ...spec.backends].some(({ tls }) => tls !== undefined);
  return isUsed && context.world.withoutTls !== true ? new TlsResolver(context).resolve(spec) : NONE;
}

class TlsResolver {
  readonly #context: Context;
  readonly #problems: Problem[] = [];
  readonly #certificates = new Map<string, CertificateReading>();
  readonly #bundles = new Map<string, BundleReading>();
  #nextCheck = Number.POSITIVE_INFINITY;

  constructor(context: Context) {
    this.#context = context;
  }

  resolve({ listeners, backends }: PoolSpec): ResolvedTls {
    const resolvedListeners = new Map<string, ListenerTLS>();
    for (const [i, listener] of listeners.entries()) {
      const tls = this.#listener(listener, `spec.listeners[${i}].tls`);
      if (tls !== undefined) resolvedListeners.set(listener.name, tls);
    }
    const resolvedBackends = new Map<string, BackendTLS>();
    for (const [i, backend] of backends.entries()) {
      if (backend.tls === undefined) continue;
      resolvedBackends.set(backend.name, this.#backend(backend.tls, `spec.backends[${i}].tls`));
    }
    return {
      listeners: resolvedListeners,
      backends: resolvedBackends,
      problems: this.#problems,
      credentials: { certificates: this.#certificates, bundles: this.#bundles },
      ...(Number.isFinite(this.#nextCheck) ? { nextCheck: this.#nextCheck } : {}),
    };
  }

  #listener({ name, tls }: ListenerSpec, path: string): ListenerTLS | undefined {
    if (tls === undefined) return undefined;
    const { mode, certificateRefs = [], minVersion, cipherPolicy, clientValidation } = tls;
    if (mode === 'Passthrough') return { mode };
    const certificates = certificateRefs.flatMap((ref, i) => {
      const found = this.#certificate(ref.name, `${path}.certificateRefs[${i}].name`);
      return found === undefined ? [] : [found.certificate];
    });
    const unread = certificateRefs.map((ref) => ref.name).filter((secret) => !this.#certificates.has(secret));
    const bundles = clientValidation?.caRefs.map((ref, i) =>
      this.#bundle(ref, `${path}.clientValidation.caRefs[${i}].name`),
    );
    const ticketSecret = this.#ticketSecret(name);
    const base = { mode, minVersion, cipherPolicy, ...(ticketSecret === undefined ? {} : { ticketSecret }) };
    if (clientValidation === undefined || bundles === undefined) {
      return { ...base, certificates, ...unresolved(unread) };
    }
    const ca = bundles.map((bundle) => bundle?.pem ?? '').join('');
    const unreadBundles = clientValidation.caRefs.map(keyOf).filter((key) => !this.#bundles.has(key));
    return {
      ...base,
      // Whose clients cannot be checked as asked is not served: others would be let in.
      ...(ca === ''
        ? { certificates: [], ...unresolved(certificateRefs.map((ref) => ref.name)) }
        : { certificates, ...unresolved(unread) }),
      clientValidation: { mode: clientValidation.mode, ca, ...unresolved(unreadBundles) },
    };
  }

  #backend(
    { mode, serverName, caRef, clientCertificateRef }: NonNullable<BackendSpec['tls']>,
    path: string,
  ): BackendTLS {
    const bundle = caRef === undefined ? undefined : this.#bundle(caRef, `${path}.caRef.name`);
    const certificate =
      clientCertificateRef === undefined
        ? undefined
        : this.#certificate(clientCertificateRef.name, `${path}.clientCertificateRef.name`)?.certificate;
    const unread = {
      ...(caRef === undefined || bundle !== undefined ? {} : { ca: keyOf(caRef) }),
      ...(clientCertificateRef === undefined || certificate !== undefined
        ? {}
        : { clientCertificate: `Secret/${clientCertificateRef.name}` }),
    };
    return {
      mode,
      ...(serverName === undefined ? {} : { serverName }),
      ...(bundle === undefined ? {} : { ca: bundle.pem }),
      ...(certificate === undefined
        ? {}
        : { clientCertificate: { chain: certificate.chain, privateKey: certificate.privateKey } }),
      ...(Object.keys(unread).length === 0 ? {} : { unresolved: unread }),
    };
  }

  #certificate(name: string, path: string): CertificateReading | undefined {
    const before = this.#context.before.certificates.get(name);
    const { namespace, world } = this.#context;
    const found = this.#read('Secret', name, path, world.secret(namespace, name), readCertificate);
    // Of two that are out of their time, the new one; an old one that is not is better than a new one that is.
    const used =
      found === undefined || (before !== undefined && this.#isOver(found) && !this.#isOver(before))
        ? before
        : found;
    if (found !== undefined) this.#tellTime(found, name, path);
    if (found !== used && used !== undefined) this.#tellTime(used, name, path);
    if (used !== undefined) this.#certificates.set(name, used);
    return used;
  }

  #bundle(ref: CAReference, path: string): BundleReading | undefined {
    const { kind, name } = ref;
    const { namespace, world, before } = this.#context;
    const object = kind === 'Secret' ? world.secret(namespace, name) : world.configMap(namespace, name);
    const key = keyOf(ref);
    const found = this.#read(kind, name, path, object, (read) => readBundle(kind, read));
    const used = found ?? before.bundles.get(key);
    if (used === undefined) return undefined;
    if (used.notAfter <= world.now) {
      this.#tell('InvalidCertificate', path, `every certificate of ${kind} ${name} has expired`);
    } else this.#checkAt(used.notAfter);
    this.#bundles.set(key, used);
    return used;
  }

  #read<O extends Secret | ConfigMap, T extends object>(
    kind: 'Secret' | 'ConfigMap',
    name: string,
    path: string,
    object: O | Unread | undefined,
    read: (object: O) => Reading<T>,
  ): T | undefined {
    const { namespace } = this.#context;
    if (object === 'denied') {
      this.#tell(`${kind}AccessDenied`, path, accessDenied(kind, namespace));
      return undefined;
    }
    if (object === 'unreadable') {
      const message = `the API server does not show the ${kind}s of namespace ${namespace}`;
      this.#tell(`${kind}Unreadable`, path, message);
      return undefined;
    }
    if (object === undefined) {
      this.#tell(`${kind}NotFound`, path, `there is no ${kind} ${name} in namespace ${namespace}`);
      return undefined;
    }
    const reading = read(object);
    if (typeof reading !== 'string') return reading;
    this.#tell('InvalidCertificate', path, reading);
    return undefined;
  }

  #isOver({ certificate: { notAfter }, notBefore }: CertificateReading): boolean {
    const { now } = this.#context.world;
    return notAfter <= now || notBefore > now;
  }

  /**
   * One that has ended is no certificate to its clients, so that the reference is not resolved; one that will end
   * serves as it should, and needs attention.
   */
  #tellTime({ certificate: { notAfter }, notBefore }: CertificateReading, name: string, path: string): void {
    const { now } = this.#context.world;
    const left = notAfter - now;
    if (notBefore > now) {
      this.#tell('InvalidCertificate', path, `the certificate of Secret ${name} begins ${day(notBefore)}`);
      this.#checkAt(notBefore);
    } else if (left <= 0) {
      this.#tell('InvalidCertificate', path, `the certificate of Secret ${name} expired ${day(notAfter)}`);
    } else if (left <= EXPIRES_SOON_MS) {
      const days = Math.floor(left / DAY_MS);
      const message = `the certificate of Secret ${name} expires ${day(notAfter)}, in ${days} ${days === 1 ? 'day' : 'days'}`;
      if (!this.#problems.some((known) => known.message === message)) {
        this.#problems.push({ condition: 'Degraded', reason: 'CertificateExpiring', path, message });
      }
      this.#checkAt(notAfter - days * DAY_MS + (days === 0 ? 0 : 1));
    } else this.#checkAt(notAfter - EXPIRES_SOON_MS);
  }

  #checkAt(time: number): void {
    this.#nextCheck = Math.min(this.#nextCheck, Math.max(time, this.#context.world.now + 1));
  }

  #tell(reason: ResolvedRefsReason, path: string, message: string): void {
    this.#problems.push({ condition: 'ResolvedRefs', reason, path, message });
  }

  /** Its own for each listener: a session of one is never resumed on another, which may ask more of its clients. */
  #ticketSecret(listener: string): string | undefined {
    const { uid, world } = this.#context;
    if (world.ticketSecret === undefined) return undefined;
    const info = `evenkeel tickets ${uid} ${listener}`;
    return Buffer.from(hkdfSync('sha256', world.ticketSecret, '', info, 32)).toString('base64');
  }
}

function keyOf({ kind, name }: CAReference): string {
  return `${kind}/${name}`;
}

function unresolved(names: readonly string[]): { unresolved?: readonly string[] } {
  return names.length === 0 ? {} : { unresolved: names };
}

function accessDenied(kind: 'Secret' | 'ConfigMap', namespace: string): string {
  return `the controller may not read the ${kind}s of namespace ${namespace}; add it to the chart's secretNamespaces: helm upgrade RELEASE CHART --reuse-values --set 'secretNamespaces={${namespace}}'`;
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
