import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../../lib/clock.ts';
import { microTime } from '../../lib/lease.ts';
import type { KubeClient } from './client.ts';
import { EVENTS, resourcePath } from './objects.ts';

export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventText {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  /** For a person; at most 1,024 characters are sent. */
  readonly note: string;
}

/** The same event of the same object is not sent again within this time. */
const QUIET_MS = 10 * 60_000;
const MAX_REMEMBERED = 4_096;

/** Writes Kubernetes Events. They are a courtesy: what cannot be written is logged and forgotten. */
export class EventRecorder {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #instance: string;
  /** When each was last sent; the oldest first. */
  readonly #sent = new Map<string, number>();

  constructor(client: KubeClient, clock: Clock, log: Logger, instance: string) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    this.#instance = instance;
  }

  async record(subject: EventSubject, { type, reason, note }: EventText): Promise<void> {
    const key = `${subject.uid} ${reason} ${note}`;
    const now = this.#clock.now();
    const last = this.#sent.get(key);
    if (last !== undefined && now - last < QUIET_MS) return;
    this.#sent.delete(key);
    this.#sent.set(key, now);
    if (this.#sent.size > MAX_REMEMBERED) this.#sent.delete(this.#sent.keys().next().value!);
    const { apiVersion, kind, namespace, name, uid } = subject;
    try {
      await this.#client.request('POST', resourcePath(EVENTS, namespace), {
        timeoutMs: 5_000,
        body: {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: `${name.slice(0, 200)}.${randomUUID()}`, namespace },
          eventTime: microTime(this.#clock.wall()),
          reportingController: 'evenkeel.dev/controller',
          reportingInstance: this.#instance,
          action: 'Reconcile',
          reason,
          note: note.slice(0, 1_024),
          type,
          regarding: { apiVersion, kind, namespace, name, uid },
        },
      });
    } catch (error) {
      this.#log.debug({ err: error, reason }, 'cannot write an event');
    }
  }
}
