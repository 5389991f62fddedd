import { WEIGHT_ANNOTATION } from '../../api/conditions.ts';
import type { LoadBalancerPool } from '../../api/pool.ts';
import type { Endpoint } from '../../api/snapshot.ts';
import { compilePools, type CompiledPool } from '../../controller/compile/compile-pools.ts';
import {
  createKubeClient,
  isStatus,
  type KubeClient,
  type KubeConfig,
} from '../../controller/kube/client.ts';
import { listAll } from '../../controller/kube/list.ts';
import {
  ENDPOINT_SLICES,
  PODS,
  POOLS,
  resourcePath,
  SERVICES,
  type KubeObject,
} from '../../controller/kube/objects.ts';
import { CONTROLLER_DENIED_CIDRS, denyAddresses } from '../../controller/resolve/denied-addresses.ts';
import { listedWorld } from '../../controller/resolve/listed-world.ts';
import { resolvePool } from '../../controller/resolve/resolve-pool.ts';
import { NO_CREDENTIALS } from '../../controller/resolve/tls.ts';
import type { World } from '../../controller/resolve/world.ts';
import {
  SERVICE_LABEL,
  trimPod,
  trimPool,
  trimService,
  trimSlice,
  type StoredPool,
} from '../../controller/watch/trim.ts';
import { hostPort } from '../../lib/host-port.ts';
import { addDrain, removeDrain } from './drain-override.ts';
import type { DrainTarget, PoolSource } from './pool-source.ts';

/** Of a write that met somebody else's. */
const TRIES = 5;

/**
 * A cluster, read as `kubectl` would: pools with the status that the controller has written. What proxies serve is
 * worked out here, from the same objects and by the same code as in the controller.
 */
export function kubeSource(config: KubeConfig): PoolSource {
  const client = createKubeClient(config);
  return {
    defaultNamespace: client.namespace,
    namespace: client.namespace,
    pools: (namespace) => listPools(client, namespace),
    async serving(className) {
      const pools = await listPools(client, undefined, className);
      const compiled = compilePools(pools, await readWorld(client, pools));
      return {
        pools,
        snapshots: compiled.flatMap(({ snapshot }) => snapshot ?? []),
        doubts: compiled.flatMap(doubtOf),
      };
    },
    traffic: () => Promise.resolve(undefined),
    drain: (target) => drain(client, target),
    close: () => client.close(),
  };
}

async function listPools(
  client: KubeClient,
  namespace: string | undefined,
  className?: string,
): Promise<StoredPool[]> {
  const path = resourcePath(POOLS, namespace);
  const fieldSelector = className === undefined ? undefined : `spec.className=${className}`;
  try {
    return (await listAll(client, path, { fieldSelector, trim: trimPool })).items;
  } catch (error) {
    if (isStatus(error, 404)) {
      throw new Error('this cluster does not know LoadBalancerPools: the CRD is not installed', {
        cause: error,
      });
    }
    throw error;
  }
}

/** What the pools' references are looked up in. @param namespace absent: every namespace */
async function readWorld(
  client: KubeClient,
  pools: readonly LoadBalancerPool[],
  namespace?: string,
): Promise<World> {
  const wantsPods = pools.some(({ spec }) => spec.loadBalancing.endpointWeight !== undefined);
  const [services, slices, pods] = await Promise.all([
    listAll(client, resourcePath(SERVICES, namespace), { trim: trimService }),
    listAll(client, resourcePath(ENDPOINT_SLICES, namespace), {
      labelSelector: SERVICE_LABEL,
      trim: trimSlice,
    }),
    wantsPods
      ? listAll(client, resourcePath(PODS, namespace), {
          metadataOnly: true,
          trim: trimPod(WEIGHT_ANNOTATION),
        })
      : { items: [] },
  ]);
  const annotations = new Map(
    pods.items.map(({ metadata }) => [`${metadata.namespace}/${metadata.name}`, metadata.annotations]),
  );
  return listedWorld({
    services: services.items,
    slices: slices.items.map((slice) => [slice.service, slice]),
    podAnnotation: (of, pod, annotation) => annotations.get(`${of}/${pod}`)?.[annotation],
    denied: denyAddresses(CONTROLLER_DENIED_CIDRS),
    now: Date.now(),
  });
}

/** Only the controller remembers what a pool served before its present spec. */
function doubtOf({ pool, resolution }: CompiledPool): string[] {
  const name = `${pool.metadata.namespace}/${pool.metadata.name}`;
  const isNew = pool.status?.observedGeneration !== pool.metadata.generation;
  if (resolution.served === undefined) {
    const [problem] = resolution.problems;
    const why = problem === undefined ? '' : ` (${problem.path}: ${problem.message})`;
    return [`${name} is left out: its spec is not accepted${why}; proxies may serve an earlier one`];
  }
  if (pool.spec.paused) return [`${name} is paused: proxies may serve an earlier spec than this one`];
  if (isNew) return [`${name} has a spec that no controller has reported on yet`];
  return [];
}

async function drain(client: KubeClient, target: DrainTarget): Promise<string> {
  const { namespace, pool: name, address, port, undo } = target;
  const path = resourcePath(POOLS, namespace, name);
  for (let attempt = 1; ; attempt += 1) {
    const pool = await readPool(client, path, `${namespace}/${name}`);
    const overrides = pool.spec.endpointOverrides ?? [];
    const change = undo
      ? removeDrain(overrides, address, port)
      : addDrain(overrides, await findEndpoint(client, pool, target));
    if (change.kind === 'nothing') {
      if (undo) throw new Error(change.because);
      return change.because;
    }
    const endpointOverrides = change.overrides.length === 0 ? null : change.overrides;
    try {
      await client.request('PATCH', path, {
        query: { fieldManager: 'evenkeel-drain' },
        contentType: 'application/merge-patch+json',
        // The resource version makes it a conflict when somebody else was faster: a merge patch replaces the list.
        body: { metadata: { resourceVersion: pool.resourceVersion }, spec: { endpointOverrides } },
      });
      return undo ? 'restored' : 'draining';
    } catch (error) {
      if (!isStatus(error, 409) || attempt === TRIES) throw error;
    }
  }
}

async function readPool(client: KubeClient, path: string, name: string): Promise<StoredPool> {
  try {
    return trimPool(await client.request<KubeObject>('GET', path));
  } catch (error) {
    if (isStatus(error, 404)) throw new Error(`there is no pool ${name}`, { cause: error });
    throw error;
  }
}

async function findEndpoint(
  client: KubeClient,
  pool: StoredPool,
  { address, port }: DrainTarget,
): Promise<Endpoint> {
  const world = await readWorld(client, [pool], pool.metadata.namespace);
  const { intent } = resolvePool(pool, world, { served: pool.spec, credentials: NO_CREDENTIALS });
  const endpoint = [...(intent?.endpoints.values() ?? [])]
    .flat()
    .find((candidate) => candidate.address === address && candidate.port === port);
  if (endpoint !== undefined) return endpoint;
  const { namespace, name } = pool.metadata;
  throw new Error(`${namespace}/${name} has no endpoint ${hostPort(address, port)}`);
}
