import * as fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { ActiveCheck, Endpoint, PassiveHealth, PoolSnapshot } from '../../../../api/snapshot.ts';
import { HealthMonitor } from '../../../../proxy/health/health-monitor.ts';
import { createPassiveReporter } from '../../../../proxy/health/passive-reporter.ts';
import { fail, PASS, type ProbeResult } from '../../../../proxy/health/probe.ts';
import { EndpointState } from '../../../../proxy/state/endpoint-state.ts';
import { SharedTable } from '../../../../proxy/state/shared-table.ts';
import { SlotAllocator } from '../../../../proxy/state/slot-allocator.ts';
import { activeCheck, backend, endpoint, poolConfig, poolSnapshot } from '../../../support/builders.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { FakeProber } from '../../../support/fake-prober.ts';
import { seededRng } from '../../../support/seeded-rng.ts';

const PORTS = [1, 2, 3, 4, 5];

type Step =
  | {
      readonly kind: 'apply';
      readonly endpoints: readonly Endpoint[];
      readonly check: number;
      readonly passive: number;
    }
  | { readonly kind: 'answer'; readonly port: number; readonly answer: number }
  | {
      readonly kind: 'traffic';
      readonly port: number;
      readonly what: 'refused' | 'failed' | 'error' | 'fine';
    }
  | { readonly kind: 'drain'; readonly port: number; readonly on: boolean }
  | { readonly kind: 'wait'; readonly ms: number };

const CHECKS: readonly (ActiveCheck | undefined)[] = [
  undefined,
  activeCheck({ healthyThreshold: 1, unhealthyThreshold: 2 }),
  activeCheck({ healthyThreshold: 3, unhealthyThreshold: 1, initialState: 'Healthy' }),
  activeCheck({ port: 81 }),
];
const PASSIVES: readonly PassiveHealth[] = [
  { mode: 'Disabled' },
  {
    mode: 'Enabled',
    consecutiveFailures: 1,
    baseEjectionMs: 1000,
    maxEjectionMs: 4000,
    maxEjectionPercent: 50,
  },
  {
    mode: 'Enabled',
    consecutiveFailures: 3,
    baseEjectionMs: 9000,
    maxEjectionMs: 9000,
    maxEjectionPercent: 100,
  },
];
const ANSWERS: readonly (ProbeResult | 'hang')[] = [
  PASS,
  'hang',
  fail('ConnectRefused', 'connection refused'),
  fail('UnexpectedStatus', 'HTTP 500, wanted 200-299'),
  { kind: 'unknown', message: 'no descriptors' },
];

const port = fc.constantFrom(...PORTS);
const endpoints = fc.uniqueArray(
  fc.record({
    port,
    targetUid: fc.constantFrom('a', 'b'),
    condition: fc.constantFrom('Ready', 'Ready', 'Ready', 'Terminating', 'NotReady'),
    override: fc.constantFrom(undefined, undefined, 'Drain', 'Exclude'),
  }),
  { selector: (each) => each.port },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('apply'),
    endpoints: endpoints.map((list) =>
      list.map(({ override, ...over }) => endpoint({ ...over, ...(override !== undefined && { override }) })),
    ),
    check: fc.constantFrom(0, 0, 0, 1, 2, 3),
    passive: fc.constantFrom(0, 1, 1, 1, 1, 2, 2),
  }),
  fc.record({ kind: fc.constant('answer'), port, answer: fc.nat(ANSWERS.length - 1) }),
  fc.record({
    kind: fc.constant('traffic'),
    port,
    what: fc.constantFrom('refused', 'failed', 'error', 'error', 'fine'),
  }),
  fc.record({ kind: fc.constant('drain'), port, on: fc.boolean() }),
  fc.record({ kind: fc.constant('wait'), ms: fc.constantFrom(0, 10, 1000, 5000, 40_000) }),
);

/** A monitor in a proxy's surroundings, with fakes for time and network. */
class Model {
  readonly clock = new FakeClock();
  readonly prober = new FakeProber(this.clock);
  readonly table = new SharedTable(-1);
  readonly worker = new SharedTable(0, this.table.buffer);
  readonly slots = new SlotAllocator(this.table);
  readonly monitor = new HealthMonitor({
    clock: this.clock,
    rng: seededRng(1),
    table: this.table,
    log: pino({ level: 'silent' }),
    prober: this.prober,
    onChange: () => {},
    onTransition: ({ report, previous }) => {
      if (report.verdict.state === previous.state) {
        expect(previous.reason).toBe('FirstCheckPending');
      }
    },
  });
  readonly reporter = createPassiveReporter(this.clock, (event) => this.monitor.observe(event));
  pool: PoolSnapshot = poolSnapshot({ endpoints: { v1: [] } });
  states: EndpointState[] = [];

  take(next: Step): void {
    switch (next.kind) {
      case 'apply':
        this.#apply(next);
        break;
      case 'answer':
        this.prober.answers.set(`127.0.0.1:${next.port}`, ANSWERS[next.answer]!);
        break;
      case 'traffic': {
        const state = this.states.find((each) => each.port === next.port);
        if (state === undefined) break;
        if (next.what === 'refused') this.reporter.failure(state, 'UPSTREAM_CONNECT_REFUSED');
        if (next.what === 'failed') this.reporter.failure(state, 'UPSTREAM_CONNECT_FAILED');
        if (next.what === 'error') for (let i = 0; i < 3; i++) this.reporter.errorStatus(state, 503);
        if (next.what === 'fine') this.reporter.success(state);
        break;
      }
      case 'drain':
        if (next.on) this.monitor.drain(this.pool.uid, '127.0.0.1', next.port);
        else this.monitor.undrain(this.pool.uid, '127.0.0.1', next.port);
        break;
      case 'wait':
        this.clock.advance(next.ms);
        break;
    }
  }

  #apply(next: Extract<Step, { kind: 'apply' }>): void {
    const check = CHECKS[next.check];
    this.pool = poolSnapshot({
      config: poolConfig({
        passive: PASSIVES[next.passive]!,
        backends: [backend(check === undefined ? {} : { healthCheck: check })],
      }),
      endpoints: { v1: next.endpoints },
    });
    const slots = this.slots.assign(this.pool);
    expect(slots).not.toBe('out-of-slots');
    if (slots === 'out-of-slots') return;
    this.monitor.update(this.pool, slots);
    this.monitor.applied();
    this.slots.settle();
    this.states = next.endpoints.map(
      (each, index) =>
        new EndpointState(
          {
            key: '',
            slot: slots['v1']!.endpoints[index]!,
            upstream: slots['v1']!.upstream,
            address: each.address,
            port: each.port,
          },
          { weight: 1 },
          this.worker,
        ),
    );
  }

  /** What must hold after every step. */
  check(): void {
    const reports = this.monitor.reports(this.pool.uid);
    expect(reports).toHaveLength(this.states.length);
    const { passive } = this.pool.config;
    let ejected = 0;
    let offered = 0;
    reports.forEach((report, index) => {
      const { verdict } = report;
      const given = this.pool.endpoints['v1']![index]!;
      const state = this.states[index]!;
      expect(state.eligible).toBe(verdict.state === 'Healthy');
      expect(this.monitor.eligibleSince(state.slot) !== undefined).toBe(state.eligible);
      if (given.condition === 'NotReady') expect([state.affine, state.available]).toEqual([false, false]);
      if (given.override === 'Exclude') {
        expect(verdict.state).toBe('Excluded');
        expect([state.affine, state.available]).toEqual([false, false]);
      }
      if (verdict.state === 'Draining') expect(state.available).toBe(false);
      expect(verdict.message.length).toBeGreaterThan(0);
      if (verdict.reason === 'ConsecutiveFailures') ejected++;
      if (given.condition === 'Ready' && given.override === undefined && verdict.state !== 'Draining')
        offered++;
    });
    const cap = passive.mode === 'Enabled' ? Math.floor((offered * passive.maxEjectionPercent) / 100) : 0;
    expect(ejected).toBeLessThanOrEqual(cap);
  }
}

describe('the health monitor under any sequence of events', () => {
  it('shows in its flags what its verdicts say, keeps the ejection cap, and forgets everything in the end', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const model = new Model();
        for (const each of steps) {
          model.take(each);
          model.check();
        }
        model.monitor.remove(model.pool.uid);
        model.clock.advance(100_000);
        expect(model.monitor.sizes).toEqual({ endpoints: 0, targets: 0, probing: 0 });
        expect(model.clock.pendingTimers).toBe(0);
        for (const state of model.states) expect(model.table.flags(state.slot)).toBe(0);
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  it('has every ready endpoint in use again once everything is well for long enough', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const model = new Model();
        for (const each of steps) model.take(each);
        for (const each of PORTS) model.take({ kind: 'answer', port: each, answer: 0 });
        model.take({ kind: 'answer', port: 81, answer: 0 });
        model.clock.advance(60_000);
        const kept = new Set(
          model.pool.endpoints['v1']!.filter(
            (each) => each.condition === 'Ready' && each.override === undefined,
          ).map((each) => each.port),
        );
        const states = model.monitor
          .reports(model.pool.uid)
          .filter((report) => kept.has(report.port))
          .map((report) => report.verdict.state);
        expect(states.filter((state) => state !== 'Healthy' && state !== 'Draining')).toEqual([]);
        model.monitor.close();
      }),
      { numRuns: 200, seed: 11 },
    );
  });
});
