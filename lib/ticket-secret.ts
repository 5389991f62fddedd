import { randomBytes } from 'node:crypto';

/** How long session tickets are made with keys from one secret: long enough to be of use, short enough to be forgotten. */
export const TICKET_SECRET_LIFE_MS = 12 * 3_600_000;

/** What the keys of TLS session tickets are derived from; whoever has it can read what resumed TLS 1.2 sessions say. */
export interface TicketSecret {
  /** 32 random bytes in base64. */
  readonly secret: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

const SECRET_BYTES = 32;

export function createTicketSecret(now: number): TicketSecret {
  return { secret: randomBytes(SECRET_BYTES).toString('base64'), since: now };
}

/** Is it one that `createTicketSecret` may have made? */
export function isTicketSecret({ secret, since }: TicketSecret): boolean {
  return Buffer.from(secret, 'base64').length === SECRET_BYTES && Number.isFinite(since);
}

/** One from the future is as good as none: a clock was set back. */
export function isDue(secret: TicketSecret | undefined, now: number): boolean {
  return secret === undefined || now - secret.since >= TICKET_SECRET_LIFE_MS || secret.since > now;
}
