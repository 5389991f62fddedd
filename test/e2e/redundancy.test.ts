import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { CAN_STOP_PARTS, withoutApiServer } from './support/cluster-parts.ts';
import { apply, get, helm, kubectl, rollOut } from './support/commands.ts';
import { install, LONG } from './support/installation.ts';
import { cutNode, isElsewhere, signalPod } from './support/on-node.ts';
import { distribution, handover, startProbes, type Handover } from './support/probes.ts';
import { shop } from './support/shop.ts';
import { wayIn } from './support/way-in.ts';

const HERE = 'standby';
const SERVICE = 'standby-evenkeel';
const PROXIES = 'deployment/standby-evenkeel-proxy';
/** How often each failure is made. */
const ROUNDS = LONG ? 20 : 1;
/** Generous, for machines that are busy: docs/operations.md says what was measured. */
const SOON_MS = 10_000;
/** How long a proxy hangs, or a node is gone: less than a kubelet and a cluster take to act on it themselves. */
const FAULT_MS = 8_000;

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName: string };
  readonly status: { readonly podIP: string };
}

describe('with one active proxy of two', () => {
  let way: string;
  let node: string;

  beforeAll(async () => {
    await installAs('ActivePassive');
    await apply(HERE, shop({ port: 80, className: 'standby' }));
    await kubectl('-n', HERE, 'rollout', 'status', 'deployment/shop', '--timeout', '120s');
    await kubectl('-n', HERE, 'wait', 'lbp/shop', '--for=condition=Available', '--timeout=60s');
    // The way in over a node that stays, and that no fault takes away.
    const urls = await eventually('the way in is open', async () => {
      const found = await wayIn(80, { namespace: HERE, release: SERVICE });
      return found.length > 0 && found;
    });
    way = urls[0]!;
    node = (await get<{ items: { metadata: { name: string } }[] }>('nodes')).items.at(-1)!.metadata.name;
    await atRest();
  });
  afterAll(async () => {
    await helm('uninstall', 'standby', '--namespace', HERE, '--wait');
    await kubectl('delete', 'namespace', HERE);
  });

  const installAs = (mode: string): Promise<string> =>
    install(
      'standby',
      HERE,
      'className=standby',
      'crds.install=false',
      'controller.replicas=1',
      `redundancy.mode=${mode}`,
    );

  const active = async (): Promise<Pod> => {
    const { spec } = await get<{ spec: { holderIdentity: string } }>(
      '-n',
      HERE,
      'lease',
      `${SERVICE}-active`,
    );
    return get<Pod>('-n', HERE, 'pod', spec.holderIdentity);
  };

  /** Two proxies are ready, one of them is active, and it answers. */
  const atRest = async (): Promise<void> => {
    await eventually('two proxies are ready', bothReady, 120_000);
    await kubectl('-n', HERE, 'wait', 'lbp/shop', '--for=condition=Redundant', '--timeout=120s');
    await eventually('the active one answers', async () => {
      const { status } = await active();
      const answer = await fetch(way, {
        headers: { connection: 'close' },
        signal: AbortSignal.timeout(2_000),
      });
      return answer.ok && answer.headers.get('x-proxy') === status.podIP;
    });
  };

  const bothReady = async (): Promise<boolean> => {
    const { items } = await get<{ items: Pod[] }>(
      '-n',
      HERE,
      'pods',
      '-l',
      'app.kubernetes.io/component=proxy',
    );
    if (items.length !== 2) return false; // one is still leaving
    for (const { metadata } of items) {
      await kubectl('get', '--raw', `/api/v1/namespaces/${HERE}/pods/${metadata.name}:9903/proxy/readyz`);
    }
    return true;
  };

  /** What clients see while the active proxy meets its fault. */
  const failOver = async (happens: (pod: Pod) => Promise<unknown>): Promise<Handover> => {
    await atRest();
    const before = await active();
    const probes = startProbes(way);
    try {
      await sleep(300); // some answers of the one before
      await happens(before);
      await eventually('another is active', async () => {
        const { spec } = await get<{ spec: { holderIdentity: string } }>(
          '-n',
          HERE,
          'lease',
          `${SERVICE}-active`,
        );
        return spec.holderIdentity !== '' && spec.holderIdentity !== before.metadata.name;
      });
      await eventually('it answers', async () => {
        const answer = await fetch(way, {
          headers: { connection: 'close' },
          signal: AbortSignal.timeout(1_000),
        });
        return answer.headers.get('x-proxy') !== before.status.podIP;
      });
    } finally {
      await sleep(500);
    }
    return handover(await probes.stop(), before.status.podIP);
  };

  const repeated = async (name: string, happens: (pod: Pod) => Promise<unknown>): Promise<Handover[]> => {
    const all: Handover[] = [];
    for (let round = 0; round < ROUNDS; round += 1) all.push(await failOver(happens));
    report(name, all);
    return all;
  };

  it('serves through one, and says which', async () => {
    const { metadata } = await active();
    await eventually('status says it', async () => {
      const { status } = await get<{ status: { redundancy: { mode: string; activeProxy: string } } }>(
        '-n',
        HERE,
        'lbp',
        'shop',
      );
      return status.redundancy.mode === 'ActivePassive' && status.redundancy.activeProxy === metadata.name;
    });
    const { items } = await get<{ items: { endpoints?: unknown[] }[] }>(
      '-n',
      HERE,
      'endpointslices',
      '-l',
      `kubernetes.io/service-name=${SERVICE}`,
    );
    // Kubernetes keeps one of its own, for a selector that selects nobody.
    expect(items.flatMap(({ endpoints }) => endpoints ?? [])).toHaveLength(1);
  });

  it('hands over without loss when the active one leaves', async () => {
    const all = await repeated('the active proxy deleted', ({ metadata }) =>
      kubectl('-n', HERE, 'delete', 'pod', metadata.name, '--wait=false'),
    );
    expect(all.map(({ failed }) => failed)).toEqual(all.map(() => 0));
  });

  it('fails over when the active one is killed', async () => {
    const all = await repeated('the active proxy killed', async ({ metadata }) => {
      await signalPod(HERE, metadata.name, 'SIGKILL');
      // A kubelet waits longer each time before it starts one again that was killed: a new pod comes at once.
      if (LONG) await kubectl('-n', HERE, 'delete', 'pod', metadata.name, '--wait=false');
    });
    for (const { gapMs } of all) expect(gapMs).toBeLessThan(SOON_MS);
  });

  it('fails over when the active one hangs, and goes back to nobody when it wakes up', async () => {
    const all = await repeated('the active proxy hung', async ({ metadata }) => {
      await signalPod(HERE, metadata.name, 'SIGSTOP');
      setTimeout(() => void signalPod(HERE, metadata.name, 'SIGCONT'), FAULT_MS);
    });
    for (const { gapMs } of all) expect(gapMs).toBeLessThan(SOON_MS);
    const { metadata } = await active();
    await sleep(FAULT_MS + 2_000);
    expect((await active()).metadata.name).toBe(metadata.name);
  });

  it('fails over when the node of the active one is gone', async (context) => {
    if (!(await isElsewhere(node))) context.skip('the last node is this machine');
    const all: Handover[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await atRest();
      const { metadata, spec } = await active();
      // The one there must be active: the other leaves.
      if (spec.nodeName !== node) await kubectl('-n', HERE, 'delete', 'pod', metadata.name);
      let back: () => Promise<void> = async () => undefined;
      all.push(await failOver(async () => (back = await cutNode(node, FAULT_MS))));
      await back();
    }
    report(`the node of the active proxy gone`, all);
    for (const { gapMs } of all) expect(gapMs).toBeLessThan(SOON_MS);
  });

  it('stays as it is while the API server is away', async (context) => {
    if (!CAN_STOP_PARTS) context.skip('no way to stop it');
    await atRest();
    const before = await active();
    const probes = startProbes(way);
    await withoutApiServer(LONG ? 120_000 : 15_000);
    await sleep(5_000); // and a while with it
    const samples = await probes.stop();
    const failed = samples.filter(({ outcome }) => outcome !== 'HTTP 200');
    process.stdout.write(`API server stopped, ActivePassive: ${failed.length} of ${samples.length} failed\n`);
    expect(failed).toEqual([]);
    expect(samples.every(({ via }) => via === before.status.podIP)).toBe(true);
    expect((await active()).metadata.name).toBe(before.metadata.name);
  });

  it('rolls its proxies without loss', async () => {
    const probes = startProbes(way);
    await rollOut(HERE, PROXIES);
    await atRest();
    const failed = (await probes.stop()).filter(({ outcome }) => outcome !== 'HTTP 200');
    expect(failed).toEqual([]);
  });

  it('becomes a fleet of which all are active, and again one of which one is, by an upgrade alone', async () => {
    const probes = startProbes(way);
    const changedAt: number[] = [];
    for (const mode of ['ActiveActive', 'ActivePassive']) {
      changedAt.push(performance.now());
      await installAs(mode);
      if (mode === 'ActivePassive') await atRest();
    }
    const samples = await probes.stop();
    const lost = [
      samples.filter(({ at }) => at < changedAt[1]!),
      samples.filter(({ at }) => at >= changedAt[1]!),
    ].map((part) => part.filter(({ outcome }) => outcome !== 'HTTP 200'));
    const spans = lost.map((failed) => Math.round((failed.at(-1)?.at ?? 0) - (failed[0]?.at ?? 0)));
    process.stdout.write(
      `ActivePassive to ActiveActive: ${lost[0]!.length} failed within ${spans[0]} ms; ` +
        `back: ${lost[1]!.length} failed within ${spans[1]} ms; of ${samples.length}\n`,
    );
    expect(lost[0]).toEqual([]);
    // Until the first of the new proxies is there nobody is active.
    expect(spans[1]).toBeLessThan(60_000);
  });
});

function report(name: string, all: readonly Handover[]): void {
  const of = (field: keyof Handover): string => distribution(all.map((each) => each[field]));
  process.stdout.write(
    `${name}, ${all.length} times: gap in ms: ${of('gapMs')}; overlap in ms: ${of('overlapMs')}; failed: ${of('failed')}\n`,
  );
}
