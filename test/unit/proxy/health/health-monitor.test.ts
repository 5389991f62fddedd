import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { EndpointReport } from '../../../../api/health.ts';
import type { ActiveCheck, Endpoint, PassiveHealth, PoolSnapshot } from '../../../../api/snapshot.ts';
import { HealthMonitor, type PoolSlots } from '../../../../proxy/health/health-monitor.ts';
import { createPassiveReporter } from '../../../../proxy/health/passive-reporter.ts';
import { fail } from '../../../../proxy/health/probe.ts';
import type { Transition } from '../../../../proxy/health/verdict-board.ts';
import { EndpointState } from '../../../../proxy/state/endpoint-state.ts';
import { SharedTable } from '../../../../proxy/state/shared-table.ts';
import {
  activeCheck,
  backend,
  endpoint,
  listener,
  poolConfig,
  poolSnapshot,
} from '../../../support/builders.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { FakeProber } from '../../../support/fake-prober.ts';

const REFUSED = fail('ConnectRefused', 'connection refused');
const STATUS_500 = fail('UnexpectedStatus', 'HTTP 500, wanted 200-299');
const PASSIVE: PassiveHealth = {
  mode: 'Enabled',
  consecutiveFailures: 3,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 50,
};

/** Slots for identities, as the proxy's main thread hands them out. */
class Slots {
  readonly #taken = new Map<string, number>();
  readonly #table: SharedTable;

  constructor(table: SharedTable) {
    this.#table = table;
  }

  of(pool: PoolSnapshot): PoolSlots {
    return Object.fromEntries(
      pool.config.backends.map(({ name }) => [
        name,
        {
          upstream: this.#slot(`${pool.uid} ${name}`),
          endpoints: (pool.endpoints[name] ?? []).map((each) => {
            return this.#slot(`${pool.uid} ${name} ${each.targetUid} ${each.address} ${each.port}`);
          }),
        },
      ]),
    );
  }

  #slot(key: string): number {
    let slot = this.#taken.get(key);
    if (slot === undefined) {
      slot = this.#taken.size;
      this.#taken.set(key, slot);
      this.#table.resetEndpoint(slot);
    }
    return slot;
  }
}

function setup() {
  const clock = new FakeClock();
  const prober = new FakeProber(clock);
  const table = new SharedTable(-1);
  const transitions: Transition[] = [];
  const lines: string[] = [];
  const changes: number[] = [];
  const monitor = new HealthMonitor({
    clock,
    rng: () => 0,
    table,
    log: pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) }),
    prober,
    onTransition: (transition) => transitions.push(transition),
    onChange: () => changes.push(clock.now()),
  });
  const slots = new Slots(table);
  const update = (pool: PoolSnapshot): void => monitor.update(pool, slots.of(pool));
  const apply = (pool: PoolSnapshot): void => {
    update(pool);
    monitor.applied();
  };
  /** `state source reason` of the endpoint on that port. */
  const says = (port: number, poolUid = 'uid-1'): string => {
    const { verdict } = report(port, poolUid);
    return `${verdict.state} ${verdict.source} ${verdict.reason}`;
  };
  const report = (port: number, poolUid = 'uid-1'): EndpointReport => {
    return monitor.reports(poolUid).find((each) => each.port === port)!;
  };
  /** The endpoint as worker 0 holds it, and that worker's reporter. */
  const traffic = (pool: PoolSnapshot, port: number) => {
    const index = pool.endpoints['v1']!.findIndex((each) => each.port === port);
    const { address } = pool.endpoints['v1']![index]!;
    const { upstream, endpoints } = slots.of(pool)['v1']!;
    const slot = endpoints[index]!;
    const worker = new SharedTable(0, table.buffer);
    const state = new EndpointState({ key: '', slot, upstream, address, port }, { weight: 1 }, worker);
    const reporter = createPassiveReporter(clock, (event) => monitor.observe(event));
    return {
      state,
      slot,
      reporter,
      refused: () => reporter.failure(state, 'UPSTREAM_CONNECT_REFUSED'),
      connectFails: () => reporter.failure(state, 'UPSTREAM_CONNECT_FAILED'),
      fails: (times = 1) => {
        for (let i = 0; i < times; i++) reporter.errorStatus(state, 503);
      },
      succeeds: () => reporter.success(state),
    };
  };
  const epoch = (pool: PoolSnapshot): number => table.epoch(slots.of(pool)['v1']!.upstream);
  const transitionTexts = (): string[] =>
    transitions.map(
      ({ report: { port, verdict }, previous }) => `${port} ${previous.state}>${verdict.state}`,
    );
  return {
    clock,
    prober,
    table,
    monitor,
    transitions,
    transitionTexts,
    lines,
    changes,
    update,
    apply,
    says,
    report,
    traffic,
    epoch,
  };
}

function pool(
  ports: readonly (number | Partial<Endpoint>)[],
  over: { check?: ActiveCheck; passive?: PassiveHealth; uid?: string } = {},
): PoolSnapshot {
  return poolSnapshot({
    uid: over.uid ?? 'uid-1',
    config: poolConfig({
      passive: over.passive ?? PASSIVE,
      backends: [backend(over.check === undefined ? {} : { healthCheck: over.check })],
    }),
    endpoints: {
      v1: ports.map((each) => endpoint(typeof each === 'number' ? { port: each } : each)),
    },
  });
}

const check = activeCheck({ healthyThreshold: 2, unhealthyThreshold: 3 });

describe('the health monitor, without a check', () => {
  it('takes the resource at its word', () => {
    const { apply, says, monitor } = setup();
    apply(pool([1, { port: 2, condition: 'NotReady' }, { port: 3, condition: 'Terminating' }]));
    expect([1, 2, 3].map((port) => says(port))).toEqual([
      'Healthy Readiness Ready',
      'Unhealthy Readiness NotReady',
      'Draining Readiness Terminating',
    ]);
    expect(monitor.sizes.targets).toBe(0);
  });

  it('takes an endpoint out at the first refused connection, and back once it can be reached', () => {
    // R5, R7
    const { clock, prober, apply, says, traffic } = setup();
    const snapshot = pool([1, 2]);
    apply(snapshot);
    prober.answers.set('127.0.0.1:1', REFUSED);
    const first = traffic(snapshot, 1);
    first.refused();
    expect(says(1)).toBe('Unhealthy Passive ConnectRefused');
    expect(first.state.eligible).toBe(false);
    clock.advance(10_000);
    expect(says(1)).toBe('Unhealthy Active ConnectRefused');
    prober.answers.delete('127.0.0.1:1');
    clock.advance(1200);
    expect(says(1)).toBe('Healthy Active CheckPassed');
    expect(first.state.eligible).toBe(true);
    expect(says(2)).toBe('Healthy Readiness Ready');
  });

  it('asks a flapping endpoint for more each time, within a bound, and forgets after a minute', () => {
    // H07
    const { clock, apply, monitor, traffic } = setup();
    const snapshot = pool([1]);
    apply(snapshot);
    const { refused, slot } = traffic(snapshot, 1);
    const timeOut = (): number => {
      refused();
      const start = clock.now();
      while (monitor.eligibleSince(slot) === undefined) clock.advance(100);
      return Math.round((clock.now() - start) / 1000);
    };
    expect([timeOut(), timeOut(), timeOut(), timeOut()]).toEqual([0, 1, 3, 3]);
    clock.advance(61_000);
    expect(timeOut()).toBe(0);
  });

  it('confirms a connect that failed otherwise before it acts on it', () => {
    // H04; and our own shortage of ports must not take every endpoint out.
    const { prober, clock, apply, says, traffic } = setup();
    const snapshot = pool([1, 2]);
    apply(snapshot);
    prober.answers.set('127.0.0.1:2', fail('ConnectFailed', 'cannot connect: EHOSTUNREACH'));
    traffic(snapshot, 1).connectFails();
    traffic(snapshot, 2).connectFails();
    clock.advance(5);
    expect(says(1)).toBe('Healthy Readiness Ready');
    expect(says(2)).toBe('Unhealthy Active ConnectFailed');
    prober.answers.delete('127.0.0.1:2');
    clock.advance(1200);
    expect(says(2)).toBe('Healthy Active CheckPassed');
  });

  it('probes a refused endpoint of a UDP listener over UDP', () => {
    // G11
    const { prober, clock, apply, traffic } = setup();
    const base = pool([1]);
    const snapshot = { ...base, config: { ...base.config, listeners: [listener({ protocol: 'UDP' })] } };
    apply(snapshot);
    traffic(snapshot, 1).refused();
    clock.advance(10);
    expect(prober.begun.map(({ target }) => target.spec.probe.type)).toEqual(['UDP']);
  });
});

describe('the health monitor, with a check', () => {
  it('gives a new endpoint no traffic before its first pass', () => {
    const { clock, prober, apply, says, transitionTexts } = setup();
    prober.answers.set('127.0.0.1:2', STATUS_500);
    apply(pool([1, 2], { check }));
    expect(says(1)).toBe('Unhealthy Active FirstCheckPending');
    clock.advance(2);
    expect(says(1)).toBe('Healthy Active CheckPassed');
    expect(says(2)).toBe('Unhealthy Active UnexpectedStatus');
    expect(transitionTexts()).toEqual(['1 Unhealthy>Healthy', '2 Unhealthy>Unhealthy']);
  });

  it('starts healthy where the pool says so', () => {
    const { clock, prober, apply, says } = setup();
    prober.answers.set('127.0.0.1:1', STATUS_500);
    apply(pool([1], { check: activeCheck({ initialState: 'Healthy', unhealthyThreshold: 3 }) }));
    expect(says(1)).toBe('Healthy Readiness Ready');
    clock.advance(60_000);
    expect(says(1)).toBe('Unhealthy Active UnexpectedStatus');
  });

  it('honours the thresholds both ways, and probes fast while down', () => {
    const { clock, prober, apply, says } = setup();
    apply(pool([1], { check }));
    clock.advance(2);
    prober.answers.set('127.0.0.1:1', STATUS_500);
    const probes = () => prober.timesOf('127.0.0.1:1').length;
    const before = probes();
    while (says(1) === 'Healthy Active CheckPassed') clock.advance(100);
    expect(probes() - before).toBe(3);
    expect(says(1)).toBe('Unhealthy Active UnexpectedStatus');
    clock.advance(10_000);
    prober.answers.delete('127.0.0.1:1');
    const down = probes();
    const since = clock.now();
    while (says(1) !== 'Healthy Active CheckPassed') clock.advance(100);
    expect(probes() - down).toBe(2);
    expect(clock.now() - since).toBeLessThanOrEqual(2100);
  });

  it('ejects a hung backend within 3 s and has it back within 3 s', () => {
    // H02, with its settings
    const { clock, prober, apply, says } = setup();
    apply(
      pool([1], {
        check: activeCheck({
          intervalMs: 1000,
          timeoutMs: 500,
          unhealthyIntervalMs: 500,
          healthyThreshold: 2,
          unhealthyThreshold: 2,
        }),
      }),
    );
    clock.advance(20_000);
    prober.answers.set('127.0.0.1:1', 'hang');
    clock.advance(3000);
    expect(says(1)).toBe('Unhealthy Active Timeout');
    prober.answers.delete('127.0.0.1:1');
    clock.advance(3000);
    expect(says(1)).toBe('Healthy Active CheckPassed');
  });

  it.each([['a worker'], ['a probe']])('acts at once when %s is refused, whatever the thresholds', (who) => {
    const { clock, prober, apply, says, traffic } = setup();
    const snapshot = pool([1], { check });
    apply(snapshot);
    clock.advance(2);
    prober.answers.set('127.0.0.1:1', REFUSED);
    if (who === 'a worker') traffic(snapshot, 1).refused();
    else clock.advance(5000);
    expect(says(1)).toMatch(/^Unhealthy (Active|Passive) ConnectRefused$/);
    prober.answers.delete('127.0.0.1:1');
    clock.advance(1101);
    expect(says(1)).toMatch(/^Unhealthy/);
    clock.advance(1100);
    expect(says(1)).toBe('Healthy Active CheckPassed');
  });

  it('does not take a check on another port for proof that the serving port answers', () => {
    const { clock, prober, apply, says, traffic } = setup();
    const snapshot = pool([1], { check: { ...check, port: 81 } });
    apply(snapshot);
    clock.advance(2);
    prober.answers.set('127.0.0.1:1', REFUSED);
    traffic(snapshot, 1).refused();
    clock.advance(60_000);
    expect(prober.timesOf('127.0.0.1:81').length).toBeGreaterThan(5);
    expect(says(1)).toBe('Unhealthy Active ConnectRefused');
    prober.answers.delete('127.0.0.1:1');
    clock.advance(2000);
    expect(says(1)).toMatch(/^Healthy/);
  });

  it('counts a refusal on a separate check port like any failed check', () => {
    const { clock, prober, apply, says } = setup();
    apply(pool([1], { check: { ...check, port: 81 } }));
    clock.advance(2);
    prober.answers.set('127.0.0.1:81', REFUSED);
    clock.advance(5000);
    expect(says(1)).toBe('Healthy Active CheckPassed');
    clock.advance(15_000);
    expect(says(1)).toBe('Unhealthy Active ConnectRefused');
  });

  it('ignores a pass of a probe that began before the refusal', () => {
    const { clock, apply, says, traffic } = setup();
    const snapshot = pool([1], { check: activeCheck({ healthyThreshold: 1 }) });
    apply(snapshot);
    clock.advance(2);
    // The second probe is after a tenth of 5 s and answers 1 ms later.
    clock.advance(500 - 2 + 0.5);
    traffic(snapshot, 1).refused();
    clock.advance(0.6);
    expect(says(1)).toBe('Unhealthy Passive ConnectRefused');
  });

  it('learns nothing from a probe that failed on our side', () => {
    const { clock, prober, apply, says, report } = setup();
    prober.answers.set('127.0.0.1:1', { kind: 'unknown', message: 'the proxy could not probe: EMFILE' });
    apply(pool([1], { check }));
    clock.advance(60_000);
    expect(says(1)).toBe('Unhealthy Active FirstCheckPending');
    expect(report(1).verdict.message).toContain('EMFILE');
    prober.answers.delete('127.0.0.1:1');
    clock.advance(2000);
    prober.answers.set('127.0.0.1:1', { kind: 'unknown', message: 'the proxy could not probe: EMFILE' });
    clock.advance(60_000);
    expect(says(1)).toBe('Healthy Active CheckPassed');
  });

  it('keeps its verdict through an edit until the new thresholds decide', () => {
    const { clock, prober, apply, says } = setup();
    apply(pool([1, 2], { check }));
    prober.answers.set('127.0.0.1:2', STATUS_500);
    clock.advance(60_000);
    expect([says(1), says(2)]).toEqual(['Healthy Active CheckPassed', 'Unhealthy Active UnexpectedStatus']);
    prober.answers.set('127.0.0.1:1', STATUS_500);
    const edited = activeCheck({
      unhealthyThreshold: 5,
      healthyThreshold: 3,
      probe: { type: 'TCP', send: 'x' },
    });
    apply(pool([1, 2], { check: edited }));
    prober.answers.delete('127.0.0.1:2');
    clock.advance(1500);
    expect([says(1), says(2)]).toEqual(['Healthy Active CheckPassed', 'Unhealthy Active UnexpectedStatus']);
    clock.advance(30_000);
    expect([says(1), says(2)]).toEqual(['Unhealthy Active UnexpectedStatus', 'Healthy Active CheckPassed']);
    expect(prober.begun.at(-1)!.target.spec.probe).toEqual(edited.probe);
  });

  it('lets endpoints in use go on when a first check is added, and forgets a check that is removed', () => {
    const { clock, prober, apply, says } = setup();
    prober.answers.set('127.0.0.1:1', STATUS_500);
    apply(pool([1]));
    apply(pool([1], { check }));
    expect(says(1)).toBe('Healthy Readiness Ready');
    clock.advance(60_000);
    expect(says(1)).toBe('Unhealthy Active UnexpectedStatus');
    apply(pool([1]));
    expect(says(1)).toBe('Healthy Readiness Ready');
  });

  it('does not probe an endpoint that is not ready', () => {
    const { clock, prober, apply, monitor } = setup();
    apply(pool([{ port: 1, condition: 'NotReady' }], { check }));
    clock.advance(60_000);
    expect(prober.begun).toEqual([]);
    apply(pool([1], { check }));
    clock.advance(2);
    expect(prober.begun).toHaveLength(1);
    expect(monitor.reports('uid-1')[0]!.verdict.reason).toBe('CheckPassed');
  });

  it('probes once for two pools, each with its own thresholds', () => {
    const { clock, prober, apply, says, monitor } = setup();
    apply(pool([1], { check: activeCheck({ unhealthyThreshold: 1 }) }));
    apply(pool([1], { uid: 'uid-2', check: activeCheck({ unhealthyThreshold: 4 }) }));
    clock.advance(30_000);
    expect(monitor.sizes.targets).toBe(1);
    const before = prober.begun.length;
    expect(before).toBeLessThanOrEqual(9);
    prober.answers.set('127.0.0.1:1', STATUS_500);
    while (prober.begun.length === before) clock.advance(100);
    clock.advance(10);
    expect([says(1), says(1, 'uid-2')]).toEqual([
      'Unhealthy Active UnexpectedStatus',
      'Healthy Active CheckPassed',
    ]);
    clock.advance(10_000);
    expect(says(1, 'uid-2')).toBe('Unhealthy Active UnexpectedStatus');
  });

  it('resolves its first round when every check has answered or timed out', async () => {
    const { clock, prober, apply, monitor } = setup();
    prober.answers.set('127.0.0.1:2', 'hang');
    apply(pool([1, 2, { port: 3, condition: 'NotReady' }], { check }));
    let done = false;
    const round = monitor.firstRound().then(() => (done = true));
    clock.advance(1999);
    await Promise.resolve();
    expect(done).toBe(false);
    clock.advance(1);
    await round;
    await monitor.firstRound();
  });
});

describe('the health monitor, watching traffic', () => {
  it('ejects an outlier for longer each time', () => {
    const { clock, apply, says, report, traffic, monitor } = setup();
    const snapshot = pool([1, 2]);
    apply(snapshot);
    const first = traffic(snapshot, 1);
    const ejectedFor = (): number => {
      first.fails(3);
      const start = clock.now();
      while (monitor.eligibleSince(first.slot) === undefined) clock.advance(1000);
      return clock.now() - start;
    };
    first.fails(2);
    expect(says(1)).toBe('Healthy Readiness Ready');
    first.succeeds();
    first.fails(3);
    expect(says(1)).toBe('Unhealthy Passive ConsecutiveFailures');
    expect(report(1).verdict.message).toBe('3 failures in a row, the last: HTTP 503; ejected for 30 s');
    clock.advance(30_000);
    expect(says(1)).toBe('Healthy Passive EjectionOver');
    expect([ejectedFor(), ejectedFor(), ejectedFor(), ejectedFor()]).toEqual([
      60_000, 120_000, 240_000, 300_000,
    ]);
    clock.advance(300_000);
    expect(ejectedFor()).toBe(30_000);
  });

  it('never ejects more than the cap, and gives a freed place to the next', () => {
    const { clock, apply, says, traffic } = setup();
    const snapshot = pool([1, 2, 3]);
    apply(snapshot);
    traffic(snapshot, 1).fails(3);
    clock.advance(10_000);
    traffic(snapshot, 2).fails(4);
    expect([1, 2, 3].map((port) => says(port).split(' ')[0])).toEqual(['Unhealthy', 'Healthy', 'Healthy']);
    clock.advance(20_000);
    expect([1, 2, 3].map((port) => says(port).split(' ')[0])).toEqual(['Healthy', 'Unhealthy', 'Healthy']);
  });

  it('is not bound by the cap when connections are refused', () => {
    const { apply, says, traffic } = setup();
    const snapshot = pool([1, 2, 3]);
    apply(snapshot);
    for (const port of [1, 2, 3]) traffic(snapshot, port).refused();
    for (const port of [1, 2, 3]) expect(says(port)).toBe('Unhealthy Passive ConnectRefused');
  });

  it('keeps an outlier out although its check passes, and one whose check fails out although its time is over', () => {
    // H08
    const { clock, prober, apply, says, traffic } = setup();
    const snapshot = pool([1, 2], { check });
    apply(snapshot);
    clock.advance(2);
    traffic(snapshot, 1).fails(3);
    clock.advance(20_000);
    expect(says(1)).toBe('Unhealthy Passive ConsecutiveFailures');
    prober.answers.set('127.0.0.1:1', STATUS_500);
    clock.advance(25_000);
    expect(says(1)).toBe('Unhealthy Active UnexpectedStatus');
    prober.answers.delete('127.0.0.1:1');
    clock.advance(3000);
    expect(says(1)).toBe('Healthy Active CheckPassed');
  });

  it.each([
    ['with a check', { check }],
    ['without one', {}],
  ])(
    'takes an ejection back when the endpoint turns out to be down, %s: it returns with its process',
    (_, over) => {
      // R7: a killed process resets its connections first; only then does anybody see that it is gone.
      const { clock, prober, apply, says, traffic } = setup();
      const snapshot = pool([1, 2], over);
      apply(snapshot);
      clock.advance(2);
      prober.answers.set('127.0.0.1:1', REFUSED);
      traffic(snapshot, 1).fails(3);
      expect(says(1)).toBe('Unhealthy Passive ConsecutiveFailures');
      clock.advance(2_000);
      expect(says(1)).toBe('Unhealthy Active ConnectRefused');
      prober.answers.delete('127.0.0.1:1');
      clock.advance(3_000);
      expect(says(1)).toBe('Healthy Active CheckPassed');
      // It was no outlier, so the next ejection is a first one.
      traffic(snapshot, 1).fails(3);
      clock.advance(30_100);
      expect(says(1)).toBe('Healthy Passive EjectionOver');
    },
  );

  it('restores early when the set shrinks, and leaves no timer behind', () => {
    const { clock, apply, says, traffic } = setup();
    const snapshot = pool([1, 2, 3, 4]);
    apply(snapshot);
    traffic(snapshot, 1).fails(3);
    clock.advance(1000);
    traffic(snapshot, 2).fails(3);
    clock.advance(1000); // the look whether they are simply down is over
    expect(clock.pendingTimers).toBe(2);
    apply(pool([1, 2, 3]));
    expect([1, 2].map((port) => says(port).split(' ')[0])).toEqual(['Healthy', 'Unhealthy']);
    expect(clock.pendingTimers).toBe(1);
  });

  it('acts on an edited limit at once', () => {
    const { apply, says, traffic } = setup();
    const snapshot = pool([1, 2]);
    apply(snapshot);
    traffic(snapshot, 1).fails(2);
    apply(pool([1, 2], { passive: { ...PASSIVE, consecutiveFailures: 2 } }));
    expect(says(1)).toBe('Unhealthy Passive ConsecutiveFailures');
    apply(pool([1, 2], { passive: { mode: 'Disabled' } }));
    expect(says(1)).toBe('Healthy Passive EjectionOver');
    traffic(snapshot, 1).fails(9);
    expect(says(1)).toBe('Healthy Passive EjectionOver');
  });

  it('does not hold failures from before its absence against an endpoint', () => {
    const { clock, prober, apply, says, traffic } = setup();
    const snapshot = pool([1, 2], { check });
    apply(snapshot);
    clock.advance(2);
    const first = traffic(snapshot, 1);
    first.fails(2);
    prober.answers.set('127.0.0.1:1', STATUS_500);
    clock.advance(60_000);
    prober.answers.delete('127.0.0.1:1');
    clock.advance(3000);
    first.fails(1);
    expect(says(1)).toBe('Healthy Active CheckPassed');
  });
});

describe('the health monitor over time', () => {
  it('keeps what it knows through changes of weight, zone, name and order', () => {
    const { clock, prober, apply, says, traffic, transitions, epoch } = setup();
    const snapshot = pool([1, 2, 3, 4], { check });
    apply(snapshot);
    prober.answers.set('127.0.0.1:2', STATUS_500);
    clock.advance(60_000);
    traffic(snapshot, 3).fails(3);
    const before = [1, 2, 3, 4].map((port) => says(port));
    const [seen, at] = [transitions.length, epoch(snapshot)];
    apply(
      pool([{ port: 4 }, { port: 3, weight: 9 }, { port: 2, zone: 'b' }, { port: 1, podName: 'p' }], {
        check,
      }),
    );
    expect([1, 2, 3, 4].map((port) => says(port))).toEqual(before);
    expect(transitions.length).toBe(seen);
    expect(epoch(snapshot)).toBe(at);
  });

  it('starts anew with a pod that took over an address', () => {
    // H11
    const { clock, apply, says, traffic } = setup();
    const old = pool([{ port: 1, targetUid: 'a' }, 2]);
    apply(old);
    const former = traffic(old, 1);
    former.refused();
    apply(pool([{ port: 1, targetUid: 'b' }, 2]));
    expect(says(1)).toBe('Healthy Readiness Ready');
    expect(former.state.eligible).toBe(false);
    former.refused();
    expect(says(1)).toBe('Healthy Readiness Ready');
    clock.advance(10_000);
    expect(says(1)).toBe('Healthy Readiness Ready');
  });

  it('leaves workers what they know until they know what comes instead', () => {
    // K01
    const { apply, update, says, traffic, monitor } = setup();
    const before = pool([1, 2]);
    apply(before);
    const [replaced, terminating] = [1, 2].map((port) => traffic(before, port).state);
    const after = pool([{ port: 2, condition: 'Terminating' }, 3]);
    update(after);
    expect(traffic(after, 3).state.eligible).toBe(true);
    expect([replaced!.eligible, terminating!.eligible]).toEqual([true, true]);
    monitor.applied();
    expect([replaced!.eligible, terminating!.eligible]).toEqual([false, false]);
    expect([2, 3].map((port) => says(port))).toEqual([
      'Draining Readiness Terminating',
      'Healthy Readiness Ready',
    ]);
  });

  it('takes an endpoint out at once when nothing comes in its place', () => {
    const { apply, update, traffic } = setup();
    const snapshot = pool([1, 2]);
    apply(snapshot);
    update(pool([1, { port: 2, condition: 'NotReady' }]));
    expect(traffic(snapshot, 2).state.eligible).toBe(false);
  });

  it('keeps hands off an endpoint that has come back before the workers were told that it was gone', () => {
    const { apply, update, traffic, monitor } = setup();
    const snapshot = pool([1, 2]);
    apply(snapshot);
    update(pool([2]));
    update(snapshot);
    monitor.applied();
    expect(traffic(snapshot, 1).state.eligible).toBe(true);
  });

  it('gives a slot its flags back when a worker was refused by the endpoint that had it before', () => {
    const { apply, says, traffic, table, epoch } = setup();
    const snapshot = pool([1, 2]);
    apply(snapshot);
    const { slot, state, reporter } = traffic(snapshot, 2);
    const former = new EndpointState(
      { key: '', slot, upstream: state.upstream, address: '127.0.0.9', port: 9 },
      { weight: 1 },
      new SharedTable(0, table.buffer),
    );
    const before = epoch(snapshot);
    reporter.failure(former, 'UPSTREAM_CONNECT_REFUSED');
    expect([says(2), state.eligible]).toEqual(['Healthy Readiness Ready', true]);
    expect(epoch(snapshot)).toBeGreaterThan(before);
  });

  it('holds an endpoint for refused that a worker took out before it died', () => {
    const { apply, says, traffic, monitor, clock } = setup();
    const snapshot = pool([1, 2]);
    apply(snapshot);
    const { state } = traffic(snapshot, 1);
    state.takeOut(clock.now());
    monitor.workerLost();
    expect([says(1), says(2)]).toEqual(['Unhealthy Passive ConnectRefused', 'Healthy Readiness Ready']);
    expect(state.eligible).toBe(false);
  });

  it('drains by command and by override, and remembers only the command', () => {
    const { apply, says, monitor } = setup();
    apply(pool([1, { port: 2, override: 'Drain' }, { port: 3, override: 'Exclude' }]));
    expect([2, 3].map((port) => says(port))).toEqual([
      'Draining Override Drain',
      'Excluded Override Exclude',
    ]);
    expect(monitor.drain('uid-1', '127.0.0.1', 1)).toBe(true);
    expect(monitor.drain('uid-1', '127.0.0.1', 9)).toBe(false);
    expect(monitor.drain('uid-9', '127.0.0.1', 1)).toBe(false);
    apply(pool([1, 2, 3]));
    expect([1, 2, 3].map((port) => says(port).split(' ')[0])).toEqual(['Draining', 'Healthy', 'Healthy']);
    expect(monitor.undrain('uid-1', '127.0.0.1', 1)).toBe(true);
    expect(says(1)).toBe('Healthy Readiness Ready');
  });

  it.each(['a command', 'an override'])('ejects after %s has kept it from that', (by) => {
    const { apply, says, monitor, traffic } = setup();
    const snapshot = pool([1, 2]);
    apply(snapshot);
    const { fails } = traffic(snapshot, 1);
    if (by === 'a command') monitor.drain('uid-1', '127.0.0.1', 1);
    else apply(pool([{ port: 1, override: 'Exclude' }, 2]));
    // Of sessions that are there still.
    fails(3);
    monitor.undrain('uid-1', '127.0.0.1', 1);
    apply(snapshot);
    fails(2);
    expect(says(1)).toBe('Healthy Readiness Ready');
    fails();
    expect(says(1)).toBe('Unhealthy Passive ConsecutiveFailures');
  });

  it('raises the epoch once for each change, and tells each transition once', () => {
    const { clock, apply, traffic, epoch, transitionTexts, lines } = setup();
    const snapshot = pool([1, 2, 3], { check });
    apply(snapshot);
    const start = epoch(snapshot);
    clock.advance(2);
    // Three probes, three changes.
    expect(epoch(snapshot) - start).toBe(3);
    const { refused } = traffic(snapshot, 1);
    refused();
    refused();
    expect(epoch(snapshot) - start).toBe(4);
    apply(pool([1, { port: 2, condition: 'NotReady' }, { port: 3, condition: 'NotReady' }], { check }));
    expect(epoch(snapshot) - start).toBe(5);
    const expected = [
      '1 Unhealthy>Healthy',
      '2 Unhealthy>Healthy',
      '3 Unhealthy>Healthy',
      '1 Healthy>Unhealthy',
      '2 Healthy>Unhealthy',
      '3 Healthy>Unhealthy',
    ];
    // The order of the three probes is nobody's business.
    expect([...transitionTexts().slice(0, 3).sort(), ...transitionTexts().slice(3)]).toEqual(expected);
    expect(lines).toHaveLength(expected.length);
    expect(JSON.parse(lines[3]!)).toEqual({
      level: 40,
      pool: 'default/pool',
      backend: 'v1',
      endpoint: '127.0.0.1:1',
      state: 'Unhealthy',
      was: 'Healthy',
      source: 'Passive',
      reason: 'ConnectRefused',
      msg: 'endpoint 127.0.0.1:1 is Unhealthy: connection refused',
    });
  });

  it('says when its reports change, also in a reason alone, and is silent otherwise', () => {
    const { clock, prober, apply, changes, report } = setup();
    prober.answers.set('127.0.0.1:1', STATUS_500);
    apply(pool([1, 2], { check }));
    expect(changes).toHaveLength(1);
    clock.advance(60_000);
    // Added; failed; passed.
    expect(changes).toHaveLength(3);
    prober.answers.set('127.0.0.1:1', 'hang');
    clock.advance(5000);
    expect(report(1).verdict.reason).toBe('Timeout');
    expect(changes).toHaveLength(4);
    apply(pool([{ port: 1, weight: 3 }, 2], { check }));
    expect(changes).toHaveLength(4);
    apply(pool([2], { check }));
    expect(changes).toHaveLength(5);
  });

  it('dates a state from its beginning, not from its latest reason', () => {
    const { clock, prober, apply, report } = setup();
    apply(pool([1], { check }));
    clock.advance(2);
    prober.answers.set('127.0.0.1:1', STATUS_500);
    while (report(1).verdict.state === 'Healthy') clock.advance(10);
    const { since } = report(1).verdict;
    prober.answers.set('127.0.0.1:1', 'hang');
    clock.advance(20_000);
    expect(report(1).verdict).toMatchObject({ reason: 'Timeout', since });
    expect(since).toBe(report(1).verdict.since);
  });

  it('knows since when an endpoint takes traffic', () => {
    const { clock, apply, monitor, traffic } = setup();
    const snapshot = pool([1], { check });
    apply(snapshot);
    const { slot } = traffic(snapshot, 1);
    expect(monitor.eligibleSince(slot)).toBeUndefined();
    clock.advance(60_000);
    expect(monitor.eligibleSince(slot)).toBe(1);
    monitor.drain('uid-1', '127.0.0.1', 1);
    expect(monitor.eligibleSince(slot)).toBeUndefined();
    monitor.undrain('uid-1', '127.0.0.1', 1);
    expect(monitor.eligibleSince(slot)).toBe(60_000);
  });

  it('does not care where the wall clock jumps', () => {
    // F16
    const { clock, apply, says, traffic, monitor } = setup();
    const snapshot = pool([1, 2, 3], { check });
    apply(snapshot);
    clock.advance(20_000);
    const ejected = traffic(snapshot, 1);
    ejected.fails(3);
    for (const jump of [3_600_000, -7_200_000]) {
      clock.jumpWall(jump);
      clock.advance(10_000);
      expect([1, 2, 3].map((port) => says(port).split(' ')[0])).toEqual(['Unhealthy', 'Healthy', 'Healthy']);
    }
    clock.advance(10_000);
    expect(monitor.eligibleSince(ejected.slot)).toBe(50_000);
  });

  it('leaves nothing behind after 10,000 endpoints have come and gone', () => {
    const { clock, prober, apply, monitor, table } = setup();
    for (let round = 0; round < 10; round++) {
      const endpoints = Array.from({ length: 1000 }, (_, index) => ({
        address: `10.0.${round}.${index % 250}`,
        port: 1 + Math.floor(index / 250),
        targetUid: `uid-${round}-${index}`,
      }));
      prober.answers.set(`10.0.${round}.0:1`, 'hang');
      prober.answers.set(`10.0.${round}.1:1`, REFUSED);
      apply(pool(endpoints, { check }));
      clock.advance(300);
    }
    expect(monitor.sizes.endpoints).toBeGreaterThanOrEqual(1000);
    apply(pool([], { check }));
    expect(monitor.sizes).toEqual({ endpoints: 0, targets: 0, probing: 0 });
    expect(prober.underWay).toBe(0);
    for (let slot = 0; slot < 10_000; slot++) expect(table.flags(slot + 1)).toBe(0);
    clock.advance(1000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('forgets a removed pool and leaves its neighbour alone', () => {
    const { clock, apply, says, monitor, traffic } = setup();
    const snapshot = pool([1, 2], { check });
    apply(snapshot);
    apply(pool([1], { uid: 'uid-2', check }));
    clock.advance(2);
    traffic(snapshot, 1).fails(3);
    const former = traffic(snapshot, 2);
    monitor.remove('uid-1');
    monitor.remove('uid-1');
    expect(monitor.reports('uid-1')).toEqual([]);
    expect(former.state.eligible).toBe(false);
    expect(says(1, 'uid-2')).toBe('Healthy Active CheckPassed');
    monitor.remove('uid-2');
    clock.advance(60_000);
    expect(monitor.sizes).toEqual({ endpoints: 0, targets: 0, probing: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  it('is still after it is closed, also with an ejection and a first round open', async () => {
    const { clock, prober, apply, monitor, traffic } = setup();
    const plain = pool([1, 2]);
    apply(plain);
    traffic(plain, 1).fails(3);
    prober.answers.set('127.0.0.1:5', 'hang');
    apply(pool([5], { uid: 'uid-2', check }));
    clock.advance(1);
    const round = monitor.firstRound();
    monitor.close();
    monitor.close();
    await round;
    expect(clock.pendingTimers).toBe(0);
    expect(prober.closed).toBe(true);
  });
});
