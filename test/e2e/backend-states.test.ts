import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EndpointStatus, PoolStatus } from '../../api/pool.gen.ts';
import { eventually } from '../support/eventually.ts';
import { apply, get, helm, kubectl, newNamespace } from './support/commands.ts';
import { install } from './support/installation.ts';
import { blackHole, signalPod } from './support/on-node.ts';
import { startLoad } from './support/load.ts';
import { distribution, startProbes } from './support/probes.ts';
import { followProxies, type ProxyLine } from './support/proxy-log.ts';
import { shop } from './support/shop.ts';
import { wayIn } from './support/way-in.ts';

const HERE = 'backend-states';
const PORT = 8082;
/** The check that the goals R6 and R7 are given with, and what makes clients notice little of a backend in the void. */
const CHECK = `
  resilience:
    connectHedgeDelay: 250ms
    retries: {attempts: 2, retryOn: [ConnectFailure, RefusedStream, ResetBeforeResponse, Timeout], perTryTimeout: 1s}
  healthCheck:
    active: {type: HTTP, interval: 1s, timeout: 500ms, healthyThreshold: 2, unhealthyThreshold: 2, unhealthyInterval: 500ms, http: {path: /}}`;

/** On top of the goals, for machines that are busy: docs/operations.md says what was measured. */
const SLACK_MS = 2_000;
/** Longer than it takes until every proxy has it out. */
const BLACK_HOLE_MS = 8_000;

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readonly podIP: string };
  }[];
}

// R5, R6, R7 on a cluster; H01, H02, H03
describe('status tells what becomes of backends, and traffic goes to the others', () => {
  let victim: string;

  beforeAll(async () => {
    await newNamespace(HERE);
    await install('states', HERE, 'className=states', 'crds.install=false', 'controller.replicas=1');
    await apply(HERE, shop({ port: PORT, className: 'states', pool: CHECK }));
    await kubectl('-n', HERE, 'rollout', 'status', 'deployment/shop', '--timeout', '120s');
    await allHealthy();
    await eventually('the way in is open', async () => {
      const [url] = await urls();
      return url !== undefined && (await fetch(url)).ok;
    });
    victim = (await get<Pods>('-n', HERE, 'pods', '-l', 'app=shop')).items[0]!.metadata.name;
  });
  afterAll(async () => {
    await helm('uninstall', 'states', '--namespace', HERE, '--wait');
    await kubectl('delete', 'namespace', HERE);
  });

  const urls = (): Promise<string[]> => wayIn(PORT, { namespace: HERE, release: 'states-evenkeel' });
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
    const load = startLoad(await urls());
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

  it('one that crashes, and is started again: out with the first refused connection', async () => {
    const logs = await followProxies(HERE);
    let killed = 0;
    await lives(
      ['ConnectRefused', 'NotReady'],
      async () => (killed = await signalPod(HERE, victim, 'SIGKILL')),
      async () => undefined,
    );
    const out = logs.stop().map((lines) => lines.find(becomes('Unhealthy', victim))!);
    const took = out.map(({ at, reason }) => `${at - killed} ms (${reason})`);
    process.stdout.write(`killed: out at each proxy after ${took.join(', ')}\n`);
    // The goal counts from the first connection that is refused, which comes after this.
    for (const { at } of out) expect(at - killed).toBeLessThan(100 + SLACK_MS);
  });

  it('one that nothing reaches any more, and that is reached again', async () => {
    const proxies = (await get<Pods>('-n', HERE, 'pods', '-l', 'app.kubernetes.io/component=proxy')).items;
    const from = proxies.map(({ status: { podIP } }) => podIP);
    const logs = await followProxies(HERE);
    const probes = startProbes((await urls())[0]!);
    const { began, ended } = await blackHole(HERE, victim, from, BLACK_HOLE_MS);
    await allHealthy();
    const samples = await probes.stop();
    expect(samples.filter(({ outcome }) => outcome !== 'HTTP 200')).toEqual([]);

    const outAfter: number[] = [];
    const reasons = new Set<string>();
    const backAfter: number[] = [];
    for (const lines of logs.stop()) {
      const out = lines.find(becomes('Unhealthy', victim))!;
      outAfter.push(out.at - began);
      reasons.add(out.reason ?? '');
      backAfter.push(lines.find((line) => line.at > out.at && becomes('Healthy', victim)(line))!.at - ended);
    }
    const offset = performance.timeOrigin; // samples are told in time since then
    const during = samples
      .filter(({ at }) => at + offset > began && at + offset < began + Math.max(...outAfter))
      .map(({ tookMs }) => Math.round(tookMs));
    process.stdout.write(
      `black-holed: out after ${outAfter.join(', ')} ms (${[...reasons].join(', ')}), back after ${backAfter.join(', ')} ms; ` +
        `until it was out, in ms a request: ${distribution(during)} of ${during.length}\n`,
    );
    for (const ms of outAfter) expect(ms).toBeLessThan(3_000 + SLACK_MS);
    for (const ms of backAfter) expect(ms).toBeLessThan(2_000 + SLACK_MS);
  });
});

/** Lines that tell that a pod's endpoint becomes this. */
function becomes(state: string, pod: string): (line: ProxyLine) => boolean {
  return (line) => line.podName === pod && line.state === state;
}
