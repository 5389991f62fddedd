import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { ActiveCheck, PoolSnapshot } from '../../../api/snapshot.ts';
import { systemClock, systemRng } from '../../../lib/clock.ts';
import { HealthMonitor } from '../../../proxy/health/health-monitor.ts';
import { createPassiveReporter } from '../../../proxy/health/passive-reporter.ts';
import { createProber } from '../../../proxy/health/prober.ts';
import { EndpointState } from '../../../proxy/state/endpoint-state.ts';
import { SharedTable } from '../../../proxy/state/shared-table.ts';
import { SlotAllocator } from '../../../proxy/state/slot-allocator.ts';
import { activeCheck, backend, endpoint, poolConfig, poolSnapshot } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';

/** The settings with which the catalogue states its times (H02, R6, R7). */
const CHECK: ActiveCheck = activeCheck({
  intervalMs: 1000,
  unhealthyIntervalMs: 500,
  timeoutMs: 500,
  healthyThreshold: 2,
  unhealthyThreshold: 2,
  probe: {
    type: 'HTTP',
    path: '/',
    method: 'GET',
    headers: [],
    expectedStatuses: [{ start: 200, end: 299 }],
  },
});

/** For a loaded machine; the exact bounds are held on a fake clock (health-monitor.test.ts). */
const SLACK = 1500;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** An HTTP server in a process of its own, to be stopped and killed. */
async function backendProcess(port = 0): Promise<{ process: ChildProcess; port: number }> {
  const script = `require('node:http').createServer((_, res) => res.end('ok')).listen(${port}, '127.0.0.1', function () {
    process.stdout.write(String(this.address().port));
  });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => child.kill('SIGKILL'));
  const [printed] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, port: Number(printed.toString()) };
}

function monitored(port: number, check: ActiveCheck | undefined) {
  const table = new SharedTable(-1);
  const monitor = new HealthMonitor({
    clock: systemClock,
    rng: systemRng,
    table,
    log: pino({ level: 'silent' }),
    prober: createProber(systemClock),
    onTransition: () => {},
    onChange: () => {},
  });
  cleanups.push(() => monitor.close());
  const pool: PoolSnapshot = poolSnapshot({
    config: poolConfig({ backends: [backend(check === undefined ? {} : { healthCheck: check })] }),
    endpoints: { v1: [endpoint({ port })] },
  });
  const slots = new SlotAllocator(table).assign(pool);
  if (slots === 'out-of-slots') throw new Error(slots);
  monitor.update(pool, slots);
  const state = new EndpointState(
    {
      key: '',
      slot: slots['v1']!.endpoints[0]!,
      upstream: slots['v1']!.upstream,
      address: '127.0.0.1',
      port,
    },
    { weight: 1 },
    new SharedTable(0, table.buffer),
  );
  const reporter = createPassiveReporter(systemClock, (event) => monitor.observe(event));
  return { monitor, state, reporter, reason: () => monitor.reports(pool.uid)[0]!.verdict.reason };
}

async function timeUntil(what: () => boolean): Promise<number> {
  const start = systemClock.now();
  await eventually("the endpoint's eligibility turns", what);
  return systemClock.now() - start;
}

describe('a backend process under watch', () => {
  it('is out soon after it stops answering, and back soon after it goes on', async () => {
    // H02
    const { process: child, port } = await backendProcess();
    const { monitor, state, reason } = monitored(port, CHECK);
    await monitor.firstRound();
    expect(state.eligible).toBe(true);
    child.kill('SIGSTOP');
    expect(await timeUntil(() => !state.eligible)).toBeLessThan(3000 + SLACK);
    expect(reason()).toBe('Timeout');
    child.kill('SIGCONT');
    expect(await timeUntil(() => state.eligible)).toBeLessThan(3000 + SLACK);
  });

  it.each([
    ['with a check', CHECK],
    ['without one', undefined],
  ])(
    'is out at the first refused connection after it was killed, and back after it was started (%s)',
    async (_, check) => {
      // H01, R5, R7
      const { process: child, port } = await backendProcess();
      const { monitor, state, reporter, reason } = monitored(port, check);
      await monitor.firstRound();
      expect(state.eligible).toBe(true);
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ECONNREFUSED');
      reporter.failure(state, 'UPSTREAM_CONNECT_REFUSED');
      expect(state.eligible).toBe(false);
      expect(reason()).toBe('ConnectRefused');

      await backendProcess(port);
      expect(await timeUntil(() => state.eligible)).toBeLessThan(2000 + SLACK);
    },
  );
});
