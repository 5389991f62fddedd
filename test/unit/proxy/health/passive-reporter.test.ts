import { describe, expect, it } from 'vitest';
import { createPassiveReporter, type PassiveEvent } from '../../../../proxy/health/passive-reporter.ts';
import { EndpointState } from '../../../../proxy/state/endpoint-state.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { HEALTHY, READY, SharedTable } from '../../../../proxy/state/shared-table.ts';

const SLOT = 7;
const UPSTREAM = 3;

function setup(limit: number) {
  const main = new SharedTable(-1);
  main.resetEndpoint(SLOT);
  main.resetUpstream(UPSTREAM);
  main.setFlags(SLOT, READY | HEALTHY);
  main.setFailureLimit(SLOT, limit);
  const posted: PassiveEvent[] = [];
  const worker = (id: number) => {
    const table = new SharedTable(id, main.buffer);
    const endpoint = new EndpointState(
      { key: 'k', slot: SLOT, upstream: UPSTREAM, address: '10.0.0.1', port: 80 },
      { weight: 1 },
      table,
    );
    return { endpoint, reporter: createPassiveReporter(new FakeClock(), (event) => posted.push(event)) };
  };
  return { main, posted, worker };
}

describe('the passive reporter', () => {
  it('counts failures in a row over all workers and tells of the one that reaches the limit', () => {
    const { main, posted, worker } = setup(3);
    const [a, b] = [worker(0), worker(1)];
    a.reporter.failure(a.endpoint, 'UPSTREAM_RESET');
    b.reporter.errorStatus(b.endpoint, 503);
    expect(posted).toEqual([]);
    a.reporter.errorStatus(a.endpoint, 500);
    b.reporter.failure(b.endpoint, 'UPSTREAM_RESET');
    expect(posted).toEqual([
      { kind: 'failures', slot: SLOT, address: '10.0.0.1', port: 80, cause: 'HTTP 500' },
    ]);
    expect(main.failures(SLOT)).toBe(4);
  });

  it('ends the run on any success, whichever worker sees it', () => {
    const { main, posted, worker } = setup(2);
    const [a, b] = [worker(0), worker(1)];
    a.reporter.failure(a.endpoint, 'UPSTREAM_RESET');
    b.reporter.success(b.endpoint);
    a.reporter.failure(a.endpoint, 'UPSTREAM_RESET');
    expect(main.failures(SLOT)).toBe(1);
    expect(posted).toEqual([]);
  });

  it('takes an endpoint out for all workers when a connect is refused, before the main thread hears of it', () => {
    // R05
    const { main, posted, worker } = setup(5);
    const [a, b] = [worker(0), worker(1)];
    const epoch = main.epoch(UPSTREAM);
    a.reporter.failure(a.endpoint, 'UPSTREAM_CONNECT_REFUSED');
    expect([b.endpoint.eligible, b.endpoint.available]).toEqual([false, true]);
    expect(main.epoch(UPSTREAM)).toBe(epoch + 1);
    expect(posted.map((event) => event.kind)).toEqual(['refused']);
  });

  it('tells of a refused connect once, however many workers meet it', () => {
    const { main, posted, worker } = setup(5);
    const [a, b] = [worker(0), worker(1)];
    const epoch = main.epoch(UPSTREAM);
    a.reporter.failure(a.endpoint, 'UPSTREAM_CONNECT_REFUSED');
    b.reporter.failure(b.endpoint, 'UPSTREAM_CONNECT_REFUSED');
    b.reporter.failure(b.endpoint, 'UPSTREAM_CONNECT_TIMEOUT');
    expect(posted.map((event) => event.kind)).toEqual(['refused']);
    expect(main.epoch(UPSTREAM)).toBe(epoch + 1);
  });

  it('asks for a look when a connect fails otherwise, and counts it', () => {
    const { posted, worker } = setup(2);
    const { endpoint, reporter } = worker(0);
    reporter.failure(endpoint, 'UPSTREAM_CONNECT_TIMEOUT');
    reporter.failure(endpoint, 'UPSTREAM_CONNECT_FAILED');
    expect(posted.map((event) => [event.kind, event.cause])).toEqual([
      ['connect-failed', 'upstream connect timeout'],
      ['failures', 'upstream connect failed'],
    ]);
  });

  it.each(['DOWNSTREAM_CLOSED', 'REQUEST_TIMEOUT', 'UPSTREAM_IDLE', 'UPSTREAM_STALE_CONNECTION'] as const)(
    'charges nothing to the endpoint for %s, and forgives nothing either',
    (code) => {
      const { main, worker } = setup(2);
      const { endpoint, reporter } = worker(0);
      reporter.failure(endpoint, 'UPSTREAM_RESET');
      reporter.failure(endpoint, code);
      expect(main.failures(SLOT)).toBe(1);
    },
  );

  it.each([
    [500, 2],
    [502, 2],
    [503, 2],
    [504, 2],
    [501, 0],
    [505, 0],
  ])('after one failure, a response with status %i leaves a run of %i', (status, run) => {
    const { main, worker } = setup(5);
    const { endpoint, reporter } = worker(0);
    reporter.failure(endpoint, 'UPSTREAM_RESET');
    reporter.errorStatus(endpoint, status);
    expect(main.failures(SLOT)).toBe(run);
  });

  it('counts nothing for a pool that watches no traffic', () => {
    const { main, worker } = setup(0);
    const { endpoint, reporter } = worker(0);
    reporter.failure(endpoint, 'UPSTREAM_RESET');
    reporter.errorStatus(endpoint, 500);
    expect(main.failures(SLOT)).toBe(0);
  });
});
