import { isTicketSecret, type TicketSecret } from '../../lib/ticket-secret.ts';
import { AUTHORITY_LIFE_MS, validUntil, type KeyPair } from './authority.ts';

/** The authorities of the control stream, as one Secret holds them. Times are milliseconds since the epoch. */
export interface Authorities {
  /** Signs the controllers' certificates. */
  readonly current: KeyPair;
  /** Trusted already, and signs once everybody has had time to hear of it. */
  readonly next?: KeyPair & { readonly since: number };
  /** Signs no more, and is trusted until everybody has a certificate of its successor. */
  readonly previous?: { readonly certificate: string; readonly since: number };
}

/** How long two authorities are trusted side by side: a mounted ConfigMap follows a change within 80 s. */
export const OVERLAP_MS = 15 * 60_000;
/** An authority with less life left than this is replaced. */
const RENEW_MS = AUTHORITY_LIFE_MS / 3;

export type RotationStep = 'none' | 'create' | 'prepare' | 'switch' | 'forget';

export function rotationStep(authorities: Authorities | undefined, now: number): RotationStep {
  if (authorities === undefined) return 'create';
  const { current, next, previous } = authorities;
  if (next !== undefined) return now - next.since >= OVERLAP_MS ? 'switch' : 'none';
  if (previous !== undefined) return now - previous.since >= OVERLAP_MS ? 'forget' : 'none';
  return validUntil(current.certificate) - now < RENEW_MS ? 'prepare' : 'none';
}

/** @param fresh a new authority, for the steps that need one */
export function rotate(
  authorities: Authorities | undefined,
  step: Exclude<RotationStep, 'none'>,
  fresh: () => Promise<KeyPair>,
  now: number,
): Promise<Authorities> | Authorities {
  if (authorities === undefined || step === 'create') return fresh().then((current) => ({ current }));
  const { current, next } = authorities;
  if (step === 'prepare') return fresh().then((made) => ({ current, next: { ...made, since: now } }));
  if (step === 'forget' || next === undefined) return { current };
  return {
    current: { certificate: next.certificate, privateKey: next.privateKey },
    previous: { certificate: current.certificate, since: now },
  };
}

/** What proxies trust: in PEM, one after the other, each on lines of its own, or only the first is read. */
export function trustBundle({ current, next, previous }: Authorities): string {
  return [current, next, previous]
    .flatMap((each) => (each === undefined ? [] : [`${each.certificate.trim()}\n`]))
    .join('');
}

type SecretData = Readonly<Record<string, string>>;

/** As `data` of the Secret. */
export function toSecretData(
  { current, next, previous }: Authorities,
  tickets: TicketSecret | undefined,
): SecretData {
  const plain: Record<string, string> = { 'ca.crt': current.certificate, 'ca.key': current.privateKey };
  if (next !== undefined) {
    plain['next.crt'] = next.certificate;
    plain['next.key'] = next.privateKey;
    plain['next.since'] = String(next.since);
  }
  if (previous !== undefined) {
    plain['previous.crt'] = previous.certificate;
    plain['previous.since'] = String(previous.since);
  }
  if (tickets !== undefined) {
    plain['tickets.secret'] = tickets.secret;
    plain['tickets.since'] = String(tickets.since);
  }
  return Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
  );
}

/** Undefined when the Secret is empty, as a chart makes it, or not one of ours. */
export function fromSecretData(data: SecretData | undefined): Authorities | undefined {
  const read = reader(data);
  const current = pair(read('ca.crt'), read('ca.key'));
  if (current === undefined) return undefined;
  const next = pair(read('next.crt'), read('next.key'));
  const previous = read('previous.crt');
  return {
    current,
    ...(next === undefined ? {} : { next: { ...next, since: Number(read('next.since')) } }),
    ...(previous === undefined
      ? {}
      : { previous: { certificate: previous, since: Number(read('previous.since')) } }),
  };
}

/**
 * Kept beside the authorities: the one thing that controllers share and nobody else reads. Undefined when it is not
 * whole, so that it is made anew.
 */
export function ticketSecretOf(data: SecretData | undefined): TicketSecret | undefined {
  const read = reader(data);
  const secret = read('tickets.secret') ?? '';
  const since = Number(read('tickets.since'));
  return isTicketSecret({ secret, since }) ? { secret, since } : undefined;
}

function reader(data: SecretData | undefined): (name: string) => string | undefined {
  return (name) => {
    const value = data?.[name];
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
  };
}

function pair(certificate: string | undefined, privateKey: string | undefined): KeyPair | undefined {
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
}
