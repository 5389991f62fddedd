import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../../api/health.ts';
import type { Problem } from '../../../../api/problem.ts';
import type { PoolCondition, PoolStatus } from '../../../../api/pool.gen.ts';
import type { Endpoint } from '../../../../api/snapshot.ts';
import { reportKey, type PoolReports } from '../../../../controller/report/health-reports.ts';
import { computeStatus } from '../../../../controller/status/compute-status.ts';
import type { ProxyInput, StatusInput } from '../../../../controller/status/input.ts';
import {
  activeCheck,
  backend,
  backendRef,
  endpoint,
  poolConfig,
  poolSnapshot,
} from '../../../support/builders.ts';

const NOW = Date.UTC(2026, 0, 2);
const DIGEST = 'sha256:test';

const proxy = (name: string, over: Partial<ProxyInput> = {}): ProxyInput => ({
  name,
  connected: true,
  applied: DIGEST,
  ...over,
});

const input = (over: Partial<StatusInput> = {}): StatusInput => ({
  generation: 3,
  paused: false,
  problems: [],
  servesThisSpec: true,
  snapshot: poolSnapshot({ generation: 3 }),
  staleOverrides: [],
  proxies: [proxy('a'), proxy('b')],
  reports: new Map(),
  addresses: [],
  now: NOW,
  ...over,
});

const verdict = (state: Verdict['state'], over: Partial<Verdict> = {}): Verdict => ({
  state,
  source: 'Active',
  reason: state === 'Healthy' ? 'CheckPassed' : 'ConnectRefused',
  message: state === 'Healthy' ? '' : 'connection refused',
  since: NOW - 5_000,
  ...over,
});

/** `{a: [verdict of the first endpoint, of the second, ...]}` */
const reports = (
  endpoints: readonly Endpoint[],
  said: Readonly<Record<string, readonly Verdict[]>>,
  name = 'v1',
): PoolReports =>
  new Map(
    endpoints.map((each, i) => [
      reportKey(name, each),
      new Map(Object.entries(said).map(([who, verdicts]) => [who, verdicts[i]!])),
    ]),
  );

const condition = (status: PoolStatus, type: string): PoolCondition =>
  status.conditions!.find((each) => each.type === type)!;
const short = (status: PoolStatus, type: string): string => {
  const { status: holds, reason } = condition(status, type);
  return `${holds}/${reason}`;
};

describe('Programmed', () => {
  it.each<[string, Partial<StatusInput>, string, string]>([
    ['every proxy has it', {}, 'True/Programmed', '2 of 2 proxies have applied it'],
    ['there is no proxy', { proxies: [] }, 'False/NoProxies', 'no proxy is connected'],
    [
      'one is not connected',
      { proxies: [proxy('a'), proxy('b', { connected: false })] },
      'False/ProxyStale',
      'b is not connected',
    ],
    [
      'one has applied nothing',
      { proxies: [proxy('a'), { name: 'b', connected: true }] },
      'False/ProxyStale',
      'b has not applied it yet',
    ],
    [
      'one has something older',
      { proxies: [proxy('a', { applied: 'sha256:old' })] },
      'False/ProxyStale',
      'a still serves sha256:old',
    ],
    [
      'one refused it, and another is gone',
      {
        proxies: [
          proxy('a', { applied: 'sha256:old', refused: { digest: DIGEST, text: 'x: taken' } }),
          proxy('b', { connected: false }),
        ],
      },
      'False/Rejected',
      'a: x: taken',
    ],
    [
      'nothing can be served',
      { servesThisSpec: false },
      'False/NotAccepted',
      'this generation cannot be served; the last accepted spec is served',
    ],
    [
      'it is paused',
      { servesThisSpec: false, paused: true },
      'False/Paused',
      'spec.paused holds back this generation; the one before is served',
    ],
  ])('when %s', (_, over, wanted, message) => {
    const status = computeStatus(input(over));
    expect(short(status, 'Programmed')).toBe(wanted);
    expect(condition(status, 'Programmed').message).toBe(message);
  });

  it('is not affected by a refusal of something older', () => {
    const refused = { digest: 'sha256:old', text: 'no' };
    expect(short(computeStatus(input({ proxies: [proxy('a', { refused })] })), 'Programmed')).toBe(
      'True/Programmed',
    );
  });

  it('stays True while a proxy catches up with endpoints, but does not become True by it', () => {
    const behind = input({ proxies: [proxy('a', { applied: 'sha256:before', catchingUp: true })] });
    expect(short(computeStatus(behind), 'Programmed')).toBe('False/ProxyStale');
    const previous = computeStatus(input());
    expect(short(computeStatus({ ...behind, previous }), 'Programmed')).toBe('True/Programmed');
    const ofOlderGeneration = computeStatus(input({ generation: 2 }));
    expect(short(computeStatus({ ...behind, previous: ofOlderGeneration }), 'Programmed')).toBe(
      'False/ProxyStale',
    );
  });
});

describe('Accepted and ResolvedRefs', () => {
  it('name every problem with its path', () => {
    const problems: Problem[] = [
      { condition: 'Accepted', reason: 'PortConflict', path: 'spec.listeners[0].port', message: 'taken' },
      {
        condition: 'ResolvedRefs',
        reason: 'ServiceNotFound',
        path: 'spec.backends[0]',
        message: 'no Service x',
      },
      { condition: 'ResolvedRefs', reason: 'PortNotFound', path: 'spec.backends[1]', message: 'no port y' },
    ];
    const status = computeStatus(input({ problems }));
    expect(short(status, 'Accepted')).toBe('False/PortConflict');
    expect(short(status, 'ResolvedRefs')).toBe('False/ServiceNotFound');
    expect(condition(status, 'ResolvedRefs').message).toBe(
      'spec.backends[0]: no Service x; spec.backends[1]: no port y',
    );
    expect(status.summary!.reason).toBe('PortConflict');
  });
});

describe('Available', () => {
  const [one, two] = [endpoint({ address: '10.0.0.1' }), endpoint({ address: '10.0.0.2' })];
  const config = poolConfig({
    backends: [backend({ healthCheck: activeCheck() }), backend({ name: 'v2' }), backend({ name: 'idle' })],
    defaultBackendRefs: [backendRef(), backendRef({ name: 'v2', priority: 1 })],
  });
  const snapshot = poolSnapshot({ config, endpoints: { v1: [one], v2: [two], idle: [] } });
  const said = (v1: Verdict, v2: Verdict): PoolReports =>
    new Map([...reports([one], { a: [v1] }), ...reports([two], { a: [v2] }, 'v2')]);

  it.each<[string, PoolReports, string]>([
    ['all are well', said(verdict('Healthy'), verdict('Healthy')), 'True/Available'],
    ['nobody has reported', new Map(), 'Unknown/HealthUnknown'],
    ['one backend is down', said(verdict('Unhealthy'), verdict('Healthy')), 'False/NoneHealthy'],
    ['all are down', said(verdict('Unhealthy'), verdict('Unhealthy')), 'False/FailedOpen'],
  ])('when %s', (_, given, wanted) => {
    expect(short(computeStatus(input({ snapshot, reports: given })), 'Available')).toBe(wanted);
  });

  it('is False when a backend in use has no endpoints', () => {
    const empty = poolSnapshot({ config, endpoints: { v1: [], v2: [two], idle: [] } });
    const status = computeStatus(input({ snapshot: empty }));
    expect(short(status, 'Available')).toBe('False/NoEndpoints');
    expect(condition(status, 'Available').message).toBe('no endpoints: v1');
  });

  it('shows which share of the default traffic each backend gets, and that it failed over', () => {
    const status = computeStatus(
      input({ snapshot, reports: said(verdict('Unhealthy'), verdict('Healthy')) }),
    );
    expect(status.backends).toEqual([
      { name: 'v1', total: 1, healthy: 0, effectiveWeightPercent: 0 },
      { name: 'v2', total: 1, healthy: 1, effectiveWeightPercent: 100 },
      { name: 'idle', total: 0, healthy: 0, effectiveWeightPercent: 0 },
    ]);
    expect(short(status, 'Degraded')).toBe('True/FailedOver');
  });
});

describe('endpoints in status', () => {
  const many = Array.from({ length: 3 }, (_, i) => endpoint({ address: `10.0.0.${i}`, podName: `pod-${i}` }));
  const snapshot = poolSnapshot({ endpoints: { v1: many } });
  const ok = verdict('Healthy');
  const bad = verdict('Unhealthy');

  it('come with the majority’s view, and disagreement is named', () => {
    const proxies = ['a', 'b', 'c'].map((name) => proxy(name));
    const given = reports(many, { a: [ok, ok, bad], b: [ok, bad, bad], c: [ok, ok, bad] });
    const status = computeStatus(input({ snapshot, proxies, reports: given }));
    expect(status.endpoints!.map(({ podName, state, seenBy }) => [podName, state, seenBy])).toEqual([
      ['pod-2', 'Unhealthy', '3/3'],
      ['pod-0', 'Healthy', '3/3'],
      ['pod-1', 'Healthy', '2/3'],
    ]);
    expect(short(status, 'Degraded')).toBe('True/ProxiesDisagree');
    expect(status.summary).toMatchObject({
      total: 3,
      ready: 3,
      healthy: 2,
      unhealthy: 1,
      healthyText: '2/3',
    });
  });

  it('take the view of those who see trouble when both camps are equal', () => {
    const status = computeStatus(
      input({ snapshot, reports: reports(many, { a: [ok, ok, ok], b: [ok, ok, bad] }) }),
    );
    expect(status.endpoints![0]).toMatchObject({ podName: 'pod-2', state: 'Unhealthy', seenBy: '1/2' });
  });

  it('ignore proxies that are not connected', () => {
    const proxies = [proxy('a'), proxy('b', { connected: false })];
    const given = reports(many, { a: [ok, ok, ok], b: [bad, bad, bad] });
    expect(computeStatus(input({ snapshot, proxies, reports: given })).summary!.healthy).toBe(3);
  });

  it('show what the resource says where no proxy has spoken', () => {
    const unspoken = poolSnapshot({
      config: poolConfig({ backends: [backend({ healthCheck: activeCheck() })] }),
      endpoints: {
        v1: [
          endpoint({ port: 1 }),
          endpoint({ port: 2, condition: 'NotReady' }),
          endpoint({ port: 3, condition: 'Terminating' }),
          endpoint({ port: 4, override: 'Exclude' }),
        ],
      },
    });
    const { endpoints } = computeStatus(input({ snapshot: unspoken }));
    expect(endpoints!.map(({ port, state, reason }) => [port, state, reason])).toEqual([
      [1, 'Unhealthy', 'FirstCheckPending'],
      [2, 'Unhealthy', 'NotReady'],
      [4, 'Excluded', 'Exclude'],
      [3, 'Draining', 'Terminating'],
    ]);
  });

  it('are at most 64 and small, those in trouble first, however many there are', () => {
    // I19
    const crowd = Array.from({ length: 10_000 }, (_, i) =>
      endpoint({ address: `10.1.${i >> 8}.${i & 255}`, podName: `pod-${'x'.repeat(200)}-${i}` }),
    );
    const worst = verdict('Unhealthy', { message: 'y'.repeat(256) });
    const all = crowd.map((_, i) => (i % 2 === 0 ? worst : ok));
    const status = computeStatus(
      input({
        snapshot: poolSnapshot({ endpoints: { v1: crowd } }),
        reports: reports(crowd, { a: all, b: all }),
      }),
    );
    expect(status.endpoints).toHaveLength(64);
    expect(status.endpointsTruncated).toBe(true);
    expect(status.endpoints!.every(({ state }) => state === 'Unhealthy')).toBe(true);
    expect(JSON.stringify(status).length).toBeLessThan(256 * 1024);
  });
});

describe('a status', () => {
  it('is one that the definition takes, whatever words a proxy has', () => {
    // I16, J10
    const v1 = [endpoint({ address: '10.0.0.1', targetUid: 'u' })];
    const words = { state: 'Pondering', source: 'Stars', reason: 'r'.repeat(500), message: '', since: 0 };
    const given = reports(v1, { a: [words as unknown as Verdict] });
    const snapshot = poolSnapshot({ endpoints: { v1 } });
    const [row] = computeStatus(input({ snapshot, proxies: [proxy('a')], reports: given })).endpoints!;
    expect(row).toMatchObject({ state: 'Unhealthy', reason: 'r'.repeat(64) });
    expect(row).not.toHaveProperty('source');
  });

  it('has every list, also empty ones, because it is applied whole', () => {
    const { snapshot: _, ...none } = input({ proxies: [], servesThisSpec: false });
    const status = computeStatus(none);
    for (const list of ['conditions', 'addresses', 'backends', 'endpoints', 'staleOverrides'] as const) {
      expect(status[list]).toBeInstanceOf(Array);
    }
    expect(status.conditions).toHaveLength(6);
  });

  it('keeps the time of a condition that did not turn', () => {
    const previous = computeStatus(input());
    const later = computeStatus(input({ previous, now: NOW + 60_000, proxies: [proxy('a')] }));
    expect(condition(later, 'Accepted').lastTransitionTime).toBe('2026-01-02T00:00:00Z');
    expect(condition(later, 'Redundant').lastTransitionTime).toBe('2026-01-02T00:01:00Z');
  });
});
