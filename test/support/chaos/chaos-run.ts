import { pino } from 'pino';
import type { Endpoint, PoolSnapshot } from '../../../api/snapshot.ts';
import { systemClock } from '../../../lib/clock.ts';
import { Proxy } from '../../../proxy/proxy.ts';
import { activeCheck, endpoint, listener, poolConfig, poolSnapshot, resilience } from '../builders.ts';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';
import { seededRng } from '../seeded-rng.ts';
import { ChaosBackends } from './chaos-backends.ts';
import { sendLoad, type LoadResult } from './chaos-load.ts';

const BACKENDS = 4;
const PER_TRY_MS = 1_000;

export interface ChaosResult extends LoadResult {
  /** POSTs that a backend received more than once. */
  readonly duplicatedPosts: string[];
  readonly faults: Readonly<Record<string, number>>;
}

/**
 * Sends a load through a proxy while backends are killed, hung, drained, removed, re-weighted and brought back at
 * random, by a fixed seed. One backend that is healthy and in rotation is always left standing.
 */
export async function runChaos(options: {
  readonly total: number;
  readonly perSecond: number;
  /** How long the backends take over a slow request: well below `PER_TRY_MS`, or no attempt can succeed. */
  readonly slowMs: number;
  readonly seed: number;
}): Promise<ChaosResult> {
  const rng = seededRng(options.seed);
  const [proxyPort, ...ports] = await freePorts(BACKENDS + 1);
  const backends = new ChaosBackends(ports);
  await backends.startAll();
  const proxy = await Proxy.start({
    bindAddress: '127.0.0.1',
    workers: 2,
    clock: systemClock,
    rng: seededRng(options.seed + 1),
    log: pino({ level: 'silent' }),
    accessLog: false,
    maxConnections: 2_000,
  });
  const endpoints = ports.map((port) => endpoint({ port, targetUid: `backend-${port}` }));
  const present = new Set(ports.keys());
  let revision = 0;
  const apply = async (): Promise<void> => {
    revision += 1;
    const listed = endpoints.filter((_, index) => present.has(index));
    await proxy.apply({ upsert: [snapshot(proxyPort!, listed, revision)], remove: [] });
  };
  await apply();
  await eventually('every backend is healthy', () =>
    proxy.reports('chaos').every(({ verdict }) => verdict.state === 'Healthy'),
  );

  const faults: Record<string, number> = {};
  const over = new AbortController();
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  /** In rotation and up, apart from `index`: what must stay. */
  const standing = (index: number): boolean =>
    ports.some(
      (_, other) =>
        other !== index &&
        present.has(other) &&
        backends.state(other) === 'up' &&
        endpoints[other]?.override === undefined &&
        proxy
          .reports('chaos')
          .some(({ port, verdict }) => port === ports[other] && verdict.state === 'Healthy'),
    );
  /** One fault at a time for each backend; several backends may be in trouble at once. */
  const trouble = async (index: number): Promise<void> => {
    while (!over.signal.aborted) {
      await pause(200 + rng() * 800);
      if (over.signal.aborted || !standing(index) || backends.state(index) !== 'up') continue;
      const draw = rng();
      const kind =
        draw < 0.3 ? 'kill' : draw < 0.5 ? 'hang' : draw < 0.7 ? 'drain' : draw < 0.85 ? 'remove' : 'weight';
      faults[kind] = (faults[kind] ?? 0) + 1;
      const lasting = 200 + rng() * 600;
      switch (kind) {
        case 'kill':
          await backends.kill(index);
          await pause(lasting);
          await backends.start(index);
          break;
        case 'hang':
          backends.hang(index);
          await pause(lasting);
          backends.resume(index);
          break;
        case 'drain':
          endpoints[index] = { ...endpoints[index]!, override: 'Drain' };
          await apply();
          await pause(lasting);
          endpoints[index] = endpoint({ port: ports[index]!, targetUid: `backend-${ports[index]}` });
          await apply();
          break;
        case 'remove':
          present.delete(index);
          await apply();
          await pause(lasting);
          present.add(index);
          await apply();
          break;
        default:
          endpoints[index] = { ...endpoints[index]!, weight: 1 + Math.floor(rng() * 9) };
          await apply();
      }
    }
  };
  const troubles = ports.map((_, index) => trouble(index));
  const result = await sendLoad(proxyPort!, { ...options, rng: seededRng(options.seed + 2) });
  over.abort();
  await Promise.all(troubles);
  await proxy.close();
  await backends.close();
  const duplicatedPosts = [...backends.received].flatMap(([id, count]) => (count > 1 ? [id] : []));
  return { ...result, duplicatedPosts: duplicatedPosts.filter((id) => isPost(id, options)), faults };
}

/** The load draws what each request is in order, from a seed: so who was a POST is known afterwards. */
function isPost(id: string, { seed }: { readonly seed: number }): boolean {
  const rng = seededRng(seed + 2);
  const number = Number(id.slice(1));
  let draw = 0;
  for (let i = 0; i < number; i++) draw = rng();
  return draw >= 0.8 && draw < 0.95;
}

function snapshot(port: number, endpoints: readonly Endpoint[], revision: number): PoolSnapshot {
  return poolSnapshot({
    uid: 'chaos',
    name: 'chaos',
    digest: `sha256:${revision}`,
    generation: revision,
    config: poolConfig({
      listeners: [listener({ port })],
      backends: [
        {
          name: 'v1',
          appProtocol: 'http1',
          healthCheck: activeCheck({
            intervalMs: 250,
            unhealthyIntervalMs: 100,
            timeoutMs: 200,
            unhealthyThreshold: 1,
            healthyThreshold: 1,
            probe: {
              type: 'HTTP',
              path: '/fast',
              method: 'GET',
              headers: [],
              expectedStatuses: [{ start: 200, end: 299 }],
            },
          }),
        },
      ],
      loadBalancing: {
        algorithm: 'WeightedRoundRobin',
        locality: 'Any',
        failover: { minHealthyPercent: 50, failbackDelayMs: 0 },
      },
      resilience: resilience({
        timeouts: { connectMs: 500, responseHeaderMs: 5_000 },
        connectHedgeDelayMs: 100,
        retries: {
          attempts: 10,
          retryOn: ['ConnectFailure', 'RefusedStream', 'ResetBeforeResponse', 'Timeout'],
          statusCodes: [],
          perTryTimeoutMs: PER_TRY_MS,
          budget: { percent: 100, minPerSecond: 1_000 },
          bufferBytes: 65_536,
        },
      }),
    }),
    endpoints: { v1: endpoints },
  });
}
