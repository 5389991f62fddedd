import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostPort } from '../../lib/host-port.ts';
import { ActivePassive, type ActivePassiveOptions } from './active-passive.ts';
import { apiServerObjects } from './api-server.ts';
import { askPeer } from './peer.ts';

export interface StartOptions extends Omit<ActivePassiveOptions, 'objects' | 'namespace' | 'askPeer'> {
  /** Folder with `token`, `ca.crt` and `namespace`, as Kubernetes mounts it. */
  readonly serviceAccount: string;
}

/** Longer than an API server that is well takes, and shorter than a lease. */
const CALL_TIMEOUT_MS = 1_500;

/** Stands by, in a pod, from now on. */
export async function startActivePassive(options: StartOptions): Promise<ActivePassive> {
  const { serviceAccount } = options;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (host === undefined || port === undefined) {
    throw new Error('which proxy is active is decided in a cluster: there is no KUBERNETES_SERVICE_HOST');
  }
  const redundancy = new ActivePassive({
    ...options,
    namespace: (await readFile(join(serviceAccount, 'namespace'), 'utf8')).trim(),
    objects: apiServerObjects({
      url: `https://${hostPort(host, Number(port))}`,
      caFile: join(serviceAccount, 'ca.crt'),
      tokenFile: join(serviceAccount, 'token'),
      timeoutMs: CALL_TIMEOUT_MS,
    }),
    askPeer,
  });
  redundancy.start();
  return redundancy;
}
