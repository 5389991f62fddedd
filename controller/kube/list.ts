import { AnswerTooLarge, type KubeClient } from './client.ts';
import type { KubeObject } from './objects.ts';

export interface ListOptions<T> {
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Asks for the objects' metadata alone. */
  readonly metadataOnly?: boolean | undefined;
  /** Keeps of an object what is needed of it, page by page. */
  readonly trim: (object: KubeObject) => T;
  /** Objects a page, to begin with. */
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
  const { fieldSelector, labelSelector, trim, timeoutMs, signal } = options;
  const items: T[] = [];
  let limit = options.pageSize ?? 500;
  let page: Page | undefined;
  do {
    const from = page?.metadata.continue;
    try {
      page = await client.request<Page>('GET', path, {
        query: { fieldSelector, labelSelector, limit, continue: from },
        ...(options.metadataOnly === true ? { accept: metadataOnly('PartialObjectMetadataList') } : {}),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      // Whoever may make objects may make large ones: no page of them is held whole.
      if (!(error instanceof AnswerTooLarge) || limit === 1) throw error;
      limit = Math.ceil(limit / 4);
      continue;
    }
    for (const object of page.items ?? []) items.push(trim(object));
  } while (page === undefined || (page.metadata.continue ?? '') !== '');
  return { items, resourceVersion: page.metadata.resourceVersion };
}

/** The media type in which the API server leaves everything but the metadata out. */
export function metadataOnly(as: 'PartialObjectMetadata' | 'PartialObjectMetadataList'): string {
  return `application/json;as=${as};g=meta.k8s.io;v=v1`;
}
