import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { decodeToController } from '../../../../api/control.ts';
import { HealthSchema, type Health } from '../../../../api/control_pb.ts';
import type { EndpointReport } from '../../../../api/health.ts';
import { HealthReports, reportKey } from '../../../../controller/report/health-reports.ts';
import { Reporter } from '../../../../proxy/sync/reporter.ts';

const endpointAt = (port: number, state: 'Healthy' | 'Unhealthy' = 'Healthy'): EndpointReport => ({
  backend: 'v1',
  address: '10.0.0.1',
  port,
  targetUid: 'u',
  verdict: { state, source: 'Active', reason: 'CheckPassed', message: '', since: 1 },
});

/** What the controller holds after the proxy has told it what is news. */
function tell(
  to: HealthReports,
  proxy: string,
  reporter: Reporter,
  now: Record<string, EndpointReport[]>,
): number {
  const messages = [...reporter.news(new Map(Object.entries(now)))].filter((each) => each !== undefined);
  for (const message of messages) {
    const body = decodeToController(message);
    if (body?.case !== 'health') throw new Error('not health');
    to.ingest(proxy, body.value);
  }
  return messages.length;
}

const states = (reports: HealthReports, uid: string): Record<string, Record<string, string>> =>
  Object.fromEntries(
    [...reports.pool(uid)].map(([key, verdicts]) => [
      key.split('|').pop()!,
      Object.fromEntries([...verdicts].map(([proxy, { state }]) => [proxy, state])),
    ]),
  );

describe('health reports', () => {
  it('tell each controller everything once, then what is news', () => {
    const reports = new HealthReports();
    const reporter = new Reporter();
    expect(tell(reports, 'a', reporter, { p: [endpointAt(1), endpointAt(2)] })).toBe(1);
    expect(tell(reports, 'a', reporter, { p: [endpointAt(1), endpointAt(2)] })).toBe(0);
    expect(tell(reports, 'a', reporter, { p: [endpointAt(1, 'Unhealthy'), endpointAt(3)] })).toBe(1);
    expect(states(reports, 'p')).toEqual({ 1: { a: 'Unhealthy' }, 3: { a: 'Healthy' } });
    tell(reports, 'a', reporter, {});
    expect(reports.pool('p').size).toBe(0);
  });

  it('come in parts that a controller takes', () => {
    const reports = new HealthReports();
    const many = Array.from({ length: 2_500 }, (_, i) => endpointAt(i + 1));
    expect(tell(reports, 'a', new Reporter(), { p: many })).toBe(10);
    expect(reports.pool('p').size).toBe(2_500);
  });

  it('say what has gone, and nothing of what is as it was', () => {
    const reports = new HealthReports();
    const reporter = new Reporter();
    const many = Array.from({ length: 1_000 }, (_, i) => endpointAt(i + 1));
    tell(reports, 'a', reporter, { p: many });
    const fewer = [...many.slice(0, 600), endpointAt(601, 'Unhealthy'), ...many.slice(602)];
    expect(tell(reports, 'a', reporter, { p: fewer })).toBe(2);
    expect(states(reports, 'p')).toMatchObject({ 600: { a: 'Healthy' }, 601: { a: 'Unhealthy' } });
    expect(reports.pool('p').size).toBe(999);
    expect(tell(reports, 'a', reporter, { p: [] })).toBe(1);
    expect(reports.pool('p').size).toBe(0);
  });

  it('of a proxy that begins anew replace those of its life before', () => {
    const reports = new HealthReports();
    tell(reports, 'a', new Reporter(), { p: [endpointAt(1), endpointAt(2)] });
    tell(reports, 'b', new Reporter(), { p: [endpointAt(1)] });
    tell(reports, 'a', new Reporter(), { p: [endpointAt(1, 'Unhealthy')] });
    expect(states(reports, 'p')).toEqual({ 1: { a: 'Unhealthy', b: 'Healthy' } });
  });

  it('leave nothing behind when proxies and pools are gone', () => {
    const reports = new HealthReports();
    tell(reports, 'a', new Reporter(), { p: [endpointAt(1)], q: [endpointAt(1)] });
    tell(reports, 'b', new Reporter(), { p: [endpointAt(1)] });
    reports.forgetProxy('a');
    expect(states(reports, 'p')).toEqual({ 1: { b: 'Healthy' } });
    expect(reports.pool('q').size).toBe(0);
    reports.remove('p');
    expect(reports.pool('p').size).toBe(0);
  });

  it('keep words that this version does not know', () => {
    // I16
    const reports = new HealthReports();
    const health: Health = create(HealthSchema, {
      uid: 'p',
      endpoints: [{ backend: 'v1', address: '10.0.0.1', port: 1, targetUid: 'u', state: 'Pondering' }],
    });
    reports.ingest('a', health);
    const key = reportKey('v1', { address: '10.0.0.1', port: 1, targetUid: 'u' });
    expect(reports.pool('p').get(key)?.get('a')?.state).toBe('Pondering');
  });

  it('have times that there are', () => {
    // J10
    const reports = new HealthReports();
    const times = [NaN, Infinity, 1e300, -1e300, 1_700_000_000_000];
    const endpoints = times.map((since, i) => ({ backend: 'v1', address: '10.0.0.1', port: i + 1, since }));
    reports.ingest('a', create(HealthSchema, { uid: 'p', endpoints }));
    const kept = [...reports.pool('p').values()].map((verdicts) => verdicts.get('a')!.since);
    expect(kept).toEqual([0, 0, 0, 0, 1_700_000_000_000]);
  });
});
