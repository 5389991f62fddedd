import { describe, expect, it } from 'vitest';
import type { EndpointState } from '../../../api/health.ts';
import { withStatus } from '../../../standalone/pool-status.ts';
import type { StandalonePool } from '../../../standalone/standalone.ts';
import { endpoint, poolSnapshot } from '../../support/builders.ts';
import { poolOf } from '../../support/pools.ts';

const snapshot = poolSnapshot({ endpoints: { v1: [endpoint(), endpoint({ port: 9001 })] } });

function served(...states: readonly EndpointState[]): StandalonePool {
  const pool = poolOf({
    listeners: [{ name: 'web', protocol: 'HTTP', port: 8080 }],
    backends: [{ name: 'v1', type: 'Service', service: { name: 'shop', port: 'http' } }],
    defaultBackendRefs: [{ name: 'v1' }],
  });
  const [backend = '', endpoints = []] = Object.entries(snapshot.endpoints)[0] ?? [];
  return {
    pool,
    snapshot,
    resolution: { problems: [], staleOverrides: [], served: pool.spec },
    serving: snapshot.digest,
    refused: [],
    reports: states.map((state, index) => ({
      backend,
      ...endpoints[index]!,
      targetUid: endpoints[index]!.targetUid,
      verdict: { state, source: 'Active', reason: 'ConnectRefused', message: '', since: 1 },
    })),
  } as unknown as StandalonePool;
}

describe('the status of a pool that standalone serves', () => {
  const reason = (entry: StandalonePool) =>
    withStatus(entry, { bindAddress: '127.0.0.1', now: 1_000, previous: undefined }).status?.summary?.reason;

  it('names nothing when there is only no second proxy', () => {
    expect(reason(served('Healthy', 'Healthy'))).toBe('');
  });

  it('names what is wrong beside that', () => {
    expect(reason(served('Healthy', 'Unhealthy'))).toBe('EndpointsUnhealthy');
  });
});
