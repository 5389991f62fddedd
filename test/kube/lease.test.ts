import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createKubeClient } from '../../controller/kube/client.ts';
import { LEASE_TIMING, LeaderElection, type LeaseTiming } from '../../controller/kube/lease.ts';
import { LEASES } from '../../controller/kube/objects.ts';
import { systemClock } from '../../lib/clock.ts';
import { eventually } from '../support/eventually.ts';
import { faultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { cluster, describeKube, type Cluster } from '../support/kube/cluster.ts';
import { configFor } from '../support/kube/config.ts';
import { seededRng } from '../support/seeded-rng.ts';

interface Candidate {
  readonly election: LeaderElection;
  readonly faults: FaultProxy;
  readonly epochs: number[];
  known: number;
}

const QUICK: LeaseTiming = { leaseMs: 2_000, renewDeadlineMs: 1_000, retryMs: 200 };

describeKube('LeaderElection', () => {
  let kube: Cluster;
  let ends: (() => Promise<unknown>)[];

  beforeEach(async () => {
    kube = await cluster();
    ends = [];
  });

  afterEach(async () => {
    for (const end of ends.reverse()) await end();
    await kube.close();
  });

  const candidate = async (identity: string, timing = QUICK): Promise<Candidate> => {
    const faults = await faultProxy(kube.info);
    const client = createKubeClient(configFor(kube.info, kube.info.adminToken, faults.url));
    const epochs: number[] = [];
    const made: Omit<Candidate, 'election'> = { faults, epochs, known: 0 };
    const election = new LeaderElection({
      client,
      namespace: kube.namespace,
      name: 'leader',
      identity,
      onLead: (epoch) => epochs.push(epoch),
      onFollow: () => epochs.push(0),
      knownEpoch: () => made.known,
      clock: systemClock,
      rng: seededRng(3),
      log: pino({ level: 'silent' }),
      timing,
    });
    ends.push(async () => {
      faults.restore();
      await election.close();
      await client.close();
      await faults.close();
    });
    election.start();
    return Object.assign(made, { election });
  };
  const leads = (who: Candidate): Promise<true> => eventually('leads', () => who.election.leading);

  it('makes one of several the leader, who stays it', async () => {
    const all = await Promise.all(['a', 'b', 'c'].map((identity) => candidate(identity)));
    await eventually('one', () => all.filter(({ election }) => election.leading).length === 1);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(all.filter(({ election }) => election.leading)).toHaveLength(1);
    expect(all.flatMap(({ epochs }) => epochs)).toEqual([1]);
  });

  it('hands over within a second when the leader stops in order', async () => {
    // R9
    const a = await candidate('a');
    await leads(a);
    const b = await candidate('b');
    await new Promise((resolve) => setTimeout(resolve, 500));
    const start = performance.now();
    await a.election.close();
    await leads(b);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(b.epochs).toEqual([2]);
  });

  it('takes over within 8 s when the leader is gone without a word, by the timing that ships', async () => {
    // I01, R9
    const a = await candidate('a', LEASE_TIMING);
    await leads(a);
    const b = await candidate('b', LEASE_TIMING);
    await new Promise((resolve) => setTimeout(resolve, 500));
    a.faults.cut();
    const start = performance.now();
    await leads(b);
    expect(performance.now() - start).toBeLessThan(8_000);
    expect(b.epochs).toEqual([2]);
  });

  it('lets the leader step down before another can take over, when it loses its network but not its process', async () => {
    // I22
    const a = await candidate('a');
    await leads(a);
    const b = await candidate('b');
    a.faults.stall();
    const start = performance.now();
    await eventually('a steps down', () => !a.election.leading);
    const steppedDown = performance.now() - start;
    expect(b.election.leading).toBe(false);
    await leads(b);
    const takenOver = performance.now() - start;
    expect(steppedDown).toBeLessThan(QUICK.renewDeadlineMs + 200);
    expect(takenOver).toBeGreaterThan(steppedDown);
    expect(takenOver).toBeLessThan(QUICK.leaseMs + 2 * QUICK.retryMs + 600);
    a.faults.restore();
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect([a.election.leading, b.election.leading]).toEqual([false, true]);
    expect(a.epochs).toEqual([1, 0]);
  });

  it('raises the epoch above everything that was ever heard of, also when the lease was deleted', async () => {
    const a = await candidate('a');
    await leads(a);
    a.known = 41;
    await kube.delete(LEASES, 'leader');
    await eventually('a new epoch', () => a.election.leading && a.epochs.at(-1) === 42);
    const lease = await kube.get<{ metadata: never; spec: { leaseTransitions: number } }>(LEASES, 'leader');
    expect(lease.spec.leaseTransitions).toBe(42);
  });
});
