import { randomBytes } from 'node:crypto';
import { describe, inject } from 'vitest';
import { createKubeClient, isStatus, type KubeClient } from '../../../controller/kube/client.ts';
import { resourcePath, type KubeObject, type Resource } from '../../../controller/kube/objects.ts';
import type { ApiServerInfo } from './api-server.ts';
import { configFor } from './config.ts';

export const apiServer: ApiServerInfo | null = inject('apiServer');

/** A `describe` that is skipped, and counted as skipped, where there is no API server. */
export const describeKube = apiServer === null ? describe.skip : describe;

export interface Cluster {
  readonly info: ApiServerInfo;
  readonly admin: KubeClient;
  /** Fresh, for this test alone. */
  readonly namespace: string;
  /** Server-side apply; creates or changes. */
  apply<T extends KubeObject>(resource: Resource, object: Applied): Promise<T>;
  get<T extends KubeObject>(resource: Resource, name: string): Promise<T>;
  delete(resource: Resource, name: string): Promise<void>;
  close(): Promise<void>;
}

export interface Applied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string } & Readonly<Record<string, unknown>>;
  readonly [member: string]: unknown;
}

/** @param server absent: the one that all tests share */
export async function cluster(server = apiServer): Promise<Cluster> {
  if (server === null) throw new Error('no API server: use describeKube');
  const info = server;
  const admin = createKubeClient(configFor(info, info.adminToken));
  const namespace = `t-${randomBytes(5).toString('hex')}`;
  const query = { fieldManager: 'test', force: true };
  const contentType = 'application/apply-patch+yaml';
  await admin.request('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
  return {
    info,
    admin,
    namespace,
    apply: (resource, object) =>
      admin.request('PATCH', resourcePath(resource, namespace, object.metadata.name), {
        query,
        contentType,
        body: object,
      }),
    get: (resource, name) => admin.request('GET', resourcePath(resource, namespace, name)),
    async delete(resource, name) {
      await admin.request('DELETE', resourcePath(resource, namespace, name)).catch((error: unknown) => {
        if (!isStatus(error, 404)) throw error;
      });
    },
    close: () => admin.close(),
  };
}
