import type { KubeClient } from './client.ts';
import type { KubeObject } from './objects.ts';

export interface ListOptions<T> {
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Asks for the objects' metadata alone. */
  readonly metadataOnly?: boolean | undefined;
  /** Keeps of an object what is needed of it, page by page. */
  readonly trim: (object: KubeObject) => T;
  readonly pageSize?: number;
  /** Of each page. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

interface Page {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubeObject[] | null;
}

/** Every object of a collection (`resourcePath`) as of one moment, and which moment that was. */
export async function listAll<T>(
  client: KubeClient,
  path: string,
  options: ListOptions<T>,
): Promise<{ readonly items: T[]; readonly resourceVersion: string }> {
  const { fieldSelector, labelSelector, trim, pageSize = 500, timeoutMs, signal } = options;
  const items: T[] = [];
  let page: Page | undefined;
  do {
    page = await client.request<Page>('GET', path, {
      query: { fieldSelector, labelSelector, limit: pageSize, continue: page?.metadata.continue },
      ...(options.metadataOnly === true ? { accept: metadataOnly('PartialObjectMetadataList') } : {}),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    });
    for (const object of page.items ?? []) items.push(trim(object));
  } while (page.metadata.continue !== undefined && page.metadata.continue !== '');
  return { items, resourceVersion: page.metadata.resourceVersion };
}

/** The media type in which the API server leaves everything but the metadata out. */
export function metadataOnly(as: 'PartialObjectMetadata' | 'PartialObjectMetadataList'): string {
  return `application/json;as=${as};g=meta.k8s.io;v=v1`;
}
