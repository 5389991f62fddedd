import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EndpointStatus, PoolStatus } from '../../api/pool.gen.ts';
import { eventually } from '../support/eventually.ts';
import { apply, get, kubectl, newNamespace } from './support/commands.ts';
import { signalPod } from './support/on-node.ts';
import { startLoad } from './support/load.ts';
import { shop } from './support/shop.ts';
import { wayIn } from './support/way-in.ts';

const HERE = 'backend-states';
const PORT = 8082;
/** The check that the goals R6 and R7 are given with. */
const CHECK = `
  healthCheck:
    active: {type: HTTP, interval: 1s, timeout: 500ms, healthyThreshold: 2, unhealthyThreshold: 2, unhealthyInterval: 500ms, http: {path: /}}`;

interface Pods {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

// R5, R6, R7 on a cluster; H01, H02
describe('status tells what becomes of backends, and traffic goes to the others', () => {
  let victim: string;

  beforeAll(async () => {
    await newNamespace(HERE);
    await apply(HERE, shop({ port: PORT, pool: CHECK }));
    await kubectl('-n', HERE, 'rollout', 'status', 'deployment/shop', '--timeout', '120s');
    await allHealthy();
    await eventually('the way in is open', async () => {
      const [url] = await wayIn(PORT);
      return url !== undefined && (await fetch(url)).ok;
    });
    victim = (await get<Pods>('-n', HERE, 'pods')).items[0]!.metadata.name;
  });
  afterAll(() => kubectl('delete', 'namespace', HERE));

  const status = async (): Promise<PoolStatus> =>
    (await get<{ status: PoolStatus }>('-n', HERE, 'lbp', 'shop')).status;
  const endpoint = async (): Promise<EndpointStatus | undefined> =>
    (await status()).endpoints?.find(({ podName }) => podName === victim);
  const allHealthy = (): Promise<unknown> =>
    eventually('all are healthy', async () => (await status()).summary?.healthyText === '3/3', 90_000);
  /** Over the API server's proxy, so that it reaches this very pod. */
  const tell = (path: string): Promise<string> =>
    kubectl('get', '--raw', `/api/v1/namespaces/${HERE}/pods/${victim}:8080/proxy${path}`);

  /** Under load: what happens is told with one of these reasons, all comes back, and clients see nothing but `seen`. */
  const lives = async (
    reasons: readonly string[],
    happens: () => Promise<unknown>,
    ends: () => Promise<unknown>,
    seen: readonly string[] = [],
  ): Promise<void> => {
    const began = Math.floor(Date.now() / 1_000) * 1_000;
    const load = startLoad(await wayIn(PORT));
    let told: EndpointStatus;
    try {
      await happens();
      told = await eventually(`${victim} is unhealthy: ${reasons.join(' or ')}`, async () => {
        const found = await endpoint();
        return found?.state === 'Unhealthy' && reasons.includes(found.reason ?? '') && found;
      });
    } finally {
      await ends();
    }
    await allHealthy();
    const { failures, sent } = await load.stop();
    process.stdout.write(
      `${reasons[0]}: ${sent} requests, failed ${JSON.stringify(failures)}; ${told.source} ${told.reason}: ${told.message}\n`,
    );
    expect(Object.keys(failures).filter((kind) => !seen.includes(kind))).toEqual([]);
    expect(Date.parse(told.since ?? '')).toBeGreaterThanOrEqual(began);
    expect(told.message).not.toBe('');
    expect((await endpoint())?.state).toBe('Healthy');
  };

  it('one that becomes unready', () =>
    lives(
      ['NotReady'],
      () => tell('/unready'),
      () => tell('/ready'),
    ));

  it('one that answers with errors', () =>
    lives(
      ['UnexpectedStatus', 'ConsecutiveFailures'],
      () => tell('/broken'),
      () => tell('/mended'),
      ['HTTP 500'], // it is the backend's answer, and goes to the client until two checks have failed
    ));

  it('one that hangs', () =>
    lives(
      ['Timeout', 'ConnectTimeout'],
      () => signalPod(HERE, victim, 'SIGSTOP'),
      () => signalPod(HERE, victim, 'SIGCONT'),
    ));

  it('one that crashes, and is started again', () =>
    lives(
      ['ConnectRefused', 'NotReady'],
      () => signalPod(HERE, victim, 'SIGKILL'),
      async () => undefined,
    ));
});
