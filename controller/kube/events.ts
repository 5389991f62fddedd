import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../../lib/clock.ts';
import { microTime } from '../../lib/lease.ts';
import { TokenBucket } from '../token-bucket.ts';
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
/** A thousand pools that are created at once have five thousand events: their statuses come first. */
const CONCURRENT = 4;
const RATE = { perSecond: 20, burst: 200 };
const MAX_WAITING = 10_000;

interface Waiting {
  readonly namespace: string;
  readonly body: object;
  readonly done: () => void;
}

/**
 * Writes Kubernetes Events, a few at a time. They are a courtesy: what cannot be written is logged and forgotten, and so
 * is what comes when thousands wait.
 */
export class EventRecorder {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #instance: string;
  /** When each was last sent; the oldest first. */
  readonly #sent = new Map<string, number>();
  #waiting: Waiting[] = [];
  #sending = 0;
  readonly #tokens: TokenBucket;
  #cancel: (() => void) | undefined;

  constructor(client: KubeClient, clock: Clock, log: Logger, instance: string) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    this.#instance = instance;
    this.#tokens = new TokenBucket(RATE, clock.now());
  }

  /** Resolves when it is written, or never will be. */
  record(subject: EventSubject, { type, reason, note }: EventText): Promise<void> {
    const key = `${subject.uid} ${reason} ${note}`;
    const now = this.#clock.now();
    const last = this.#sent.get(key);
    if (last !== undefined && now - last < QUIET_MS) return Promise.resolve();
    if (this.#waiting.length >= MAX_WAITING) return Promise.resolve();
    this.#sent.delete(key);
    this.#sent.set(key, now);
    if (this.#sent.size > MAX_REMEMBERED) this.#sent.delete(this.#sent.keys().next().value!);
    const { apiVersion, kind, namespace, name, uid } = subject;
    const body = {
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
    };
    return new Promise((done) => {
      this.#waiting.push({ namespace, body, done });
      this.#send();
    });
  }

  /** What waits is not written. */
  close(): void {
    this.#cancel?.();
    for (const { done } of this.#waiting) done();
    this.#waiting = [];
  }

  #send(): void {
    const now = this.#clock.now();
    while (this.#waiting.length > 0 && this.#sending < CONCURRENT && this.#tokens.has(now)) {
      this.#tokens.take();
      void this.#write(this.#waiting.shift()!);
    }
    if (this.#waiting.length === 0 || this.#tokens.has(now) || this.#cancel !== undefined) return;
    this.#cancel = this.#clock.after(this.#tokens.intervalMs, () => {
      this.#cancel = undefined;
      this.#send();
    });
  }

  async #write({ namespace, body, done }: Waiting): Promise<void> {
    this.#sending += 1;
    try {
      await this.#client.request('POST', resourcePath(EVENTS, namespace), { timeoutMs: 5_000, body });
    } catch (error) {
      this.#log.debug({ err: error }, 'cannot write an event');
    }
    this.#sending -= 1;
    done();
    this.#send();
  }
}
