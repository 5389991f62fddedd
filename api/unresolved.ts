import type { Backend, BackendTLS, Listener, ListenerTLS, PoolConfig, PoolSnapshot } from './snapshot.ts';

/**
 * A controller that cannot read a Secret or ConfigMap serves with what it read before. One that has just started has
 * read nothing before, but the proxies have: its snapshots name what is unresolved, and each proxy goes on with what
 * it had of that. Everything else of such a snapshot, above all its endpoints, is applied as ever.
 */

type Terminating = Extract<ListenerTLS, { mode: 'Terminate' }>;

/** Such as `Secret/shop-tls`, each once; empty: the configuration is whole. */
export function unresolvedOf({ listeners, backends }: PoolConfig): string[] {
  const names = [
    ...listeners.flatMap(({ tls }) =>
      tls?.mode === 'Terminate'
        ? [
            ...(tls.unresolved ?? []).map((name) => `Secret/${name}`),
            ...(tls.clientValidation?.unresolved ?? []),
          ]
        : [],
    ),
    ...backends.flatMap(({ tls }) => Object.values(tls?.unresolved ?? {})),
  ];
  return [...new Set(names)];
}

/**
 * What is unresolved in `next`, taken from what was served before. The CAs of a listener go on as a whole: a part of
 * them would turn clients away.
 */
export function keepResolved(next: PoolSnapshot, before: PoolSnapshot): PoolSnapshot {
  const { config } = next;
  if (unresolvedOf(config).length === 0) return next;
  const listeners = new Map(before.config.listeners.map(({ name, tls }) => [name, tls]));
  const backends = new Map(before.config.backends.map(({ name, tls }) => [name, tls]));
  return {
    ...next,
    config: {
      ...config,
      listeners: config.listeners.map((listener) => keepOfListener(listener, listeners.get(listener.name))),
      backends: config.backends.map((backend) => keepOfBackend(backend, backends.get(backend.name))),
    },
  };
}

/** Without the endpoints of backends that cannot be spoken to as the resource asks. */
export function servable(snapshot: PoolSnapshot): PoolSnapshot {
  const mute = snapshot.config.backends.filter(({ tls }) => tls?.unresolved !== undefined);
  if (mute.length === 0) return snapshot;
  const none = Object.fromEntries(mute.map(({ name }) => [name, []]));
  return { ...snapshot, endpoints: { ...snapshot.endpoints, ...none } };
}

function keepOfListener(listener: Listener, before: ListenerTLS | undefined): Listener {
  const { tls } = listener;
  if (tls?.mode !== 'Terminate' || before?.mode !== 'Terminate') return listener;
  const clientValidation = keepOfClients(tls.clientValidation, before.clientValidation);
  // Clients that cannot be checked as asked are not let in.
  if (clientValidation?.ca === '') return listener;
  const { unresolved = [], clientValidation: _, ...rest } = tls;
  const certificates = keepCertificates(tls, before);
  const left = unresolved.filter((name) => certificates.every(({ secret }) => secret !== name));
  return {
    ...listener,
    tls: {
      ...rest,
      certificates,
      ...(left.length === 0 ? {} : { unresolved: left }),
      ...(clientValidation === undefined ? {} : { clientValidation }),
    },
  };
}

/** In the order in which they were served: the first is for clients that name no host. */
function keepCertificates(tls: Terminating, before: Terminating): Terminating['certificates'] {
  const { certificates, unresolved = [] } = tls;
  const kept = before.certificates.flatMap((old) => {
    const read = certificates.find(({ secret }) => secret === old.secret);
    return read ?? (unresolved.includes(old.secret) ? old : []);
  });
  const added = certificates.filter(({ secret }) => kept.every((each) => each.secret !== secret));
  return [...kept, ...added];
}

function keepOfClients(
  validation: Terminating['clientValidation'],
  before: Terminating['clientValidation'],
): Terminating['clientValidation'] {
  if (validation?.unresolved === undefined || before === undefined || before.ca === '') return validation;
  return { mode: validation.mode, ca: before.ca };
}

function keepOfBackend(backend: Backend, before: BackendTLS | undefined): Backend {
  const unresolved = backend.tls?.unresolved;
  if (backend.tls === undefined || unresolved === undefined || before === undefined) return backend;
  const ca = unresolved.ca === undefined ? undefined : before.ca;
  const clientCertificate = unresolved.clientCertificate === undefined ? undefined : before.clientCertificate;
  const isWhole =
    (unresolved.ca === undefined) === (ca === undefined) &&
    (unresolved.clientCertificate === undefined) === (clientCertificate === undefined);
  if (!isWhole) return backend;
  const { unresolved: _, ...rest } = backend.tls;
  return {
    ...backend,
    tls: {
      ...rest,
      ...(ca === undefined ? {} : { ca }),
      ...(clientCertificate === undefined ? {} : { clientCertificate }),
    },
  };
}
