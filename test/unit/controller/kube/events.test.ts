import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { KubeClient, RequestOptions } from '../../../../controller/kube/client.ts';
import { EventRecorder, type EventSubject } from '../../../../controller/kube/events.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

interface Sent {
  readonly reason: string;
  readonly note: string;
  readonly eventTime: string;
  readonly regarding: EventSubject;
}

const MINUTE = 60_000;

describe('events', () => {
  let clock: FakeClock;
  let sent: Sent[];
  let refuse: boolean;
  let recorder: EventRecorder;

  beforeEach(() => {
    clock = new FakeClock();
    sent = [];
    refuse = false;
    const client: Pick<KubeClient, 'request'> = {
      request: async <T>(_method: unknown, _path: string, options: RequestOptions = {}): Promise<T> => {
        if (refuse) throw new Error('forbidden');
        sent.push(options.body as Sent);
        return {} as T;
      },
    };
    recorder = new EventRecorder(client as KubeClient, clock, pino({ level: 'silent' }), 'c-1');
  });

  const pool = (uid: string): EventSubject => ({
    apiVersion: 'evenkeel.dev/v1alpha1',
    kind: 'LoadBalancerPool',
    namespace: 'shop',
    name: 'checkout',
    uid,
  });
  const record = (uid: string, note: string): Promise<void> =>
    recorder.record(pool(uid), { type: 'Warning', reason: 'ProxyStale', note });

  it('are about the pool, with the time to the microsecond', async () => {
    await record('a', 'Programmed is False: two is not connected');
    expect(sent[0]).toMatchObject({ reason: 'ProxyStale', regarding: pool('a') });
    expect(sent[0]!.eventTime).toMatch(/\.\d{6}Z$/);
  });

  it('are not repeated for ten minutes, whatever comes between, and then they are', async () => {
    await record('a', 'one');
    await record('a', 'two');
    await record('a', 'one');
    await record('b', 'one'); // another pool's
    expect(sent.map(({ note }) => note)).toEqual(['one', 'two', 'one']);
    clock.advance(9 * MINUTE);
    await record('a', 'one');
    expect(sent).toHaveLength(3);
    clock.advance(2 * MINUTE);
    await record('a', 'one');
    expect(sent).toHaveLength(4);
  });

  it('come a few at a time, and after a burst at a steady pace', async () => {
    // R14: a thousand pools at once
    for (let i = 0; i < 1_000; i += 1) void record(`pool-${i}`, 'new');
    expect(sent).toHaveLength(4);
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 1_000; i += 1) await Promise.resolve();
    };
    await settle();
    expect(sent).toHaveLength(200);
    for (let s = 0; s < 10; s += 1) {
      clock.advance(1_000);
      await settle();
    }
    expect(sent.length).toBeGreaterThanOrEqual(390);
    expect(sent.length).toBeLessThanOrEqual(402);
    recorder.close();
    clock.advance(10 * MINUTE);
    await settle();
    expect(sent.length).toBeLessThanOrEqual(402);
  });

  it('carry no more than the API server takes, and no failure of theirs is anybody’s problem', async () => {
    await record('a', 'x'.repeat(5_000));
    expect(sent[0]!.note).toHaveLength(1_024);
    refuse = true;
    await expect(record('a', 'other')).resolves.toBeUndefined();
  });
});
