import type { KeyPair, ListenerTLS, PoolSnapshot } from './snapshot.ts';

type Terminate = Extract<ListenerTLS, { mode: 'Terminate' }>;

/** Members of a snapshot that nobody is shown, wherever they are in it. */
const SECRET_MEMBERS: ReadonlySet<string> = new Set<keyof KeyPair | keyof Terminate>([
  'privateKey',
  'ticketSecret',
]);

/** A snapshot for a person to look at. */
export function redacted(snapshot: PoolSnapshot): unknown {
  return JSON.parse(
    JSON.stringify(snapshot, (key, value: unknown) => (SECRET_MEMBERS.has(key) ? 'redacted' : value)),
  );
}
