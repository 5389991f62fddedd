import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { PoolStatus } from '../../api/pool.gen.ts';
import type { KubeClient } from '../../controller/kube/client.ts';
import {
  ENDPOINT_SLICES,
  POOLS,
  resourcePath,
  SERVICES,
  type KubeObject,
  type Resource,
} from '../../controller/kube/objects.ts';
import { eventually } from '../../test/support/eventually.ts';
import { poolObject, serviceObject, sliceObject } from '../../test/support/kube/objects.ts';
import { CHANGE, now } from './proxies.ts';

interface Named {
  readonly metadata: { readonly name: string };
}

interface SliceEvent {
  readonly object: { readonly endpoints?: readonly { readonly targetRef?: { readonly uid: string } }[] };
}

/** The objects of one case, in a namespace of its own. */
export class World {
  readonly namespace: string;
  readonly #client: KubeClient;
  readonly #abort = new AbortController();
  readonly #seen = new Map<number, number>();
  #slices: string[] = [];
  #perSlice = 0;

  private constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.namespace = namespace;
  }

  static async create(client: KubeClient, namespace: string): Promise<World> {
    await client.request('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
    return new World(client, namespace);
  }

  /** A Service and its slices of up to 100 endpoints. */
  async service(name: string, endpoints: number): Promise<void> {
    this.#perSlice = Math.min(100, endpoints);
    await this.#apply(SERVICES, serviceObject(name));
    for (let from = 0; from < endpoints; from += this.#perSlice) {
      const slice = `${name}-${from / this.#perSlice}`;
      const first = this.#slices.length * this.#perSlice;
      const addresses = Array.from({ length: this.#perSlice }, (_, i) => address(first + i));
      await this.#apply(ENDPOINT_SLICES, sliceObject(slice, name, { addresses, port: 8080 }));
      this.#slices.push(slice);
    }
  }

  pool(name: string, className: string, service: string, port: number): Promise<unknown> {
    return this.#apply(
      POOLS,
      poolObject(name, className, {
        listeners: [{ name: 'web', protocol: 'HTTP', port }],
        backends: [{ name: 'v1', type: 'Service', service: { name: service, port: 'http' } }],
      }),
    );
  }

  /** A pod takes another's place: the n-th change, in the slices in turn. */
  async change(n: number): Promise<void> {
    const slice = this.#slices[n % this.#slices.length]!;
    const place = Math.floor(n / this.#slices.length) % this.#perSlice;
    await this.#client.request('PATCH', resourcePath(ENDPOINT_SLICES, this.namespace, slice), {
      body: [{ op: 'replace', path: `/endpoints/${place}/targetRef/uid`, value: `${CHANGE}${n}` }],
      contentType: 'application/json-patch+json',
    });
  }

  /** From now on it is known when the API server told of a change. */
  async watch(): Promise<void> {
    const path = resourcePath(ENDPOINT_SLICES, this.namespace);
    const { metadata } = await this.#client.request<{ metadata: { resourceVersion: string } }>('GET', path, {
      query: { limit: 1 },
    });
    const query = { watch: 1, resourceVersion: metadata.resourceVersion, timeoutSeconds: 600 };
    const events = this.#client.watch(path, { query, signal: this.#abort.signal });
    void this.#follow(events).catch(() => undefined);
  }

  /** When the API server told of the change. */
  seenAt(change: number): number | undefined {
    return this.#seen.get(change);
  }

  async programmed(): Promise<number> {
    const { items } = await this.#client.request<{ items: (KubeObject & { status?: PoolStatus })[] }>(
      'GET',
      resourcePath(POOLS, this.namespace),
    );
    return items.filter(({ status }) =>
      status?.conditions?.some((each) => each.type === 'Programmed' && each.status === 'True'),
    ).length;
  }

  /** Nothing of it is left for the next case to watch. */
  async remove(): Promise<void> {
    this.#abort.abort();
    for (const resource of [POOLS, ENDPOINT_SLICES])
      await this.#client.request('DELETE', resourcePath(resource, this.namespace));
  }

  #apply(resource: Resource, object: Named): Promise<unknown> {
    return this.#client.request('PATCH', resourcePath(resource, this.namespace, object.metadata.name), {
      query: { fieldManager: 'bench', force: true },
      contentType: 'application/apply-patch+yaml',
      body: object,
    });
  }

  async #follow(events: AsyncIterable<unknown>): Promise<void> {
    for await (const event of events) {
      const at = now();
      for (const { targetRef } of (event as SliceEvent).object.endpoints ?? []) {
        if (targetRef === undefined || !targetRef.uid.startsWith(CHANGE)) continue;
        const change = Number(targetRef.uid.slice(CHANGE.length));
        if (!this.#seen.has(change)) this.#seen.set(change, at);
      }
    }
  }
}

export async function installCrd(client: KubeClient): Promise<void> {
  const crd = parse(await readFile('crds/loadbalancerpools.yaml', 'utf8')) as Named;
  await client.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: crd });
  await eventually('the API server serves pools', async () => {
    await client.request('GET', resourcePath(POOLS), { query: { limit: 1 } });
    return true;
  });
}

function address(n: number): string {
  return `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
}
