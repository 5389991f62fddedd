import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PoolStatus } from '../../api/pool.gen.ts';
import { eventually } from '../support/eventually.ts';
import { apply, get, kubectl, newNamespace } from './support/commands.ts';
import { NAMESPACE, TAG } from './support/installation.ts';
import { request, startLoad } from './support/load.ts';
import { wayIn } from './support/way-in.ts';

const HERE = 'scale';
const PORT = 8083;
const POOLS = 20;
const PODS = 5;
const SLICES = 5;
const FIRST_PORT = 10_000;

/** One process that stands for many backends: it listens on a port for each slice of each pool. */
const SERVER = `
const { createServer } = require('node:http');
for (let port = ${FIRST_PORT}; port < ${FIRST_PORT + POOLS * SLICES}; port += 1) {
  const server = createServer((request, response) => response.end('ok'));
  server.keepAliveTimeout = 120000;
  server.listen(port);
}
`;

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string };
    readonly spec: { readonly nodeName: string };
    readonly status: { readonly podIP: string };
  }[];
}

interface Summary {
  readonly pods: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly memory?: { readonly rssBytes?: number };
  }[];
}

const hostOf = (pool: number): string => `p${pool}.example.com`;

describe(`${POOLS * PODS * SLICES} endpoints of ${POOLS} pools`, () => {
  let backends: Pods['items'];

  beforeAll(async () => {
    await newNamespace(HERE);
    const container = {
      name: 'many',
      image: `evenkeel/proxy:${TAG}`,
      imagePullPolicy: 'IfNotPresent',
      command: ['/usr/local/bin/node', '--eval', SERVER],
      readinessProbe: { tcpSocket: { port: FIRST_PORT + POOLS * SLICES - 1 }, periodSeconds: 1 },
    };
    const labels = { app: 'many' };
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'many' },
      spec: {
        replicas: PODS,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [container], terminationGracePeriodSeconds: 1 },
        },
      },
    };
    const pools = Array.from({ length: POOLS }, (_, pool) => [service(pool), lbp(pool)]).flat();
    await apply(HERE, list([deployment, ...pools]));
    await kubectl('-n', HERE, 'rollout', 'status', 'deployment/many', '--timeout', '120s');
    backends = (await get<Pods>('-n', HERE, 'pods', '-l', 'app=many')).items;
  });
  afterAll(() => kubectl('delete', 'namespace', HERE));

  /** Every pool has so many slices, and every proxy has applied that. */
  const scaleTo = async (slices: number): Promise<void> => {
    const wanted = Array.from({ length: POOLS }, (_, pool) =>
      Array.from({ length: slices }, (_each, at) => slice(pool, at, backends)),
    ).flat();
    await apply(HERE, list(wanted));
    const more = Array.from({ length: POOLS * (SLICES - slices) }, (_, at) =>
      sliceName(at % POOLS, slices + Math.floor(at / POOLS)),
    );
    if (more.length > 0) await kubectl('-n', HERE, 'delete', 'endpointslices', '--ignore-not-found', ...more);
    await eventually(
      `every pool has ${slices * PODS} endpoints`,
      async () => {
        const { items } = await get<{ items: { status?: PoolStatus }[] }>('-n', HERE, 'lbp');
        return items.every(
          ({ status }) =>
            status?.summary?.healthyText === `${slices * PODS}/${slices * PODS}` &&
            status.conditions?.some(({ type, status: is }) => type === 'Programmed' && is === 'True'),
        );
      },
      120_000,
    );
  };

  it('come and go under load, and nothing is lost', async () => {
    await scaleTo(1);
    await eventually('the way in is open', async () => (await wayIn(PORT)).length > 0);
    const urls = await wayIn(PORT);
    for (const url of urls) {
      await eventually('it answers', async () => (await request(url, new Agent(), hostOf(0))) === 'HTTP 200');
    }
    const load = startLoad(
      urls,
      Array.from({ length: POOLS }, (_, pool) => hostOf(pool)),
    );
    const took: number[] = [];
    for (const slices of [SLICES, 1, SLICES]) {
      const began = performance.now();
      await scaleTo(slices);
      took.push(Math.round(performance.now() - began));
    }
    const { sent, failures } = await load.stop();
    process.stdout.write(
      `100 to 500 to 100 to 500 endpoints in ${took.join(', ')} ms: failed of ${sent}: ${JSON.stringify(failures)}; ` +
        `memory in MiB: ${(await memory()).join(', ')}\n`,
    );
    expect(failures).toEqual({});
  });
});

/** `name 123` of each pod of the installation, as its node's kubelet counts it. */
async function memory(): Promise<string[]> {
  const { items } = await get<Pods>('-n', NAMESPACE, 'pods');
  const found: string[] = [];
  for (const node of new Set(items.map(({ spec }) => spec.nodeName))) {
    const { pods } = JSON.parse(
      await kubectl('get', '--raw', `/api/v1/nodes/${node}/proxy/stats/summary`),
    ) as Summary;
    for (const { podRef, memory: used } of pods) {
      if (podRef.namespace !== NAMESPACE) continue;
      found.push(`${podRef.name} ${Math.round((used?.rssBytes ?? NaN) / 1_048_576)}`);
    }
  }
  return found.toSorted();
}

function list(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

function service(pool: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `p${pool}` },
    spec: { ports: [{ name: 'http', port: 80 }] },
  };
}

const sliceName = (pool: number, at: number): string => `p${pool}-${at}`;

function slice(pool: number, at: number, pods: Pods['items']): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: sliceName(pool, at), labels: { 'kubernetes.io/service-name': `p${pool}` } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: FIRST_PORT + pool * SLICES + at, protocol: 'TCP' }],
    endpoints: pods.map(({ metadata, spec, status }) => ({
      addresses: [status.podIP],
      conditions: { ready: true },
      nodeName: spec.nodeName,
      targetRef: { kind: 'Pod', name: metadata.name, namespace: HERE, uid: metadata.uid },
    })),
  };
}

function lbp(pool: number): object {
  return {
    apiVersion: 'evenkeel.dev/v1alpha1',
    kind: 'LoadBalancerPool',
    metadata: { name: `p${pool}` },
    spec: {
      listeners: [{ name: 'web', protocol: 'HTTP', port: PORT, hostnames: [hostOf(pool)] }],
      backends: [{ name: 'all', type: 'Service', service: { name: `p${pool}`, port: 'http' } }],
      defaultBackendRefs: [{ name: 'all' }],
    },
  };
}
