import { setTimeout as sleep } from 'node:timers/promises';
import { get, kubectl } from './commands.ts';

interface Services {
  readonly items: readonly {
    readonly metadata: { readonly namespace: string; readonly name: string };
    readonly spec: { readonly type: string };
    readonly status: { readonly loadBalancer: { readonly ingress?: readonly unknown[] } };
  }[];
}

/** Of a range for documents: it leads nowhere. */
const ADDRESS = '192.0.2.80';

/** What a cloud does, and a cluster without one does not: every Service of type LoadBalancer gets an address. */
export function startCloud(): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: ADDRESS }] } } });
  const running = (async () => {
    while (!stopped.signal.aborted) {
      const { items } = await get<Services>('services', '--all-namespaces');
      for (const { metadata, spec, status: is } of items) {
        if (spec.type !== 'LoadBalancer' || is.loadBalancer.ingress !== undefined) continue;
        const { namespace, name } = metadata;
        await kubectl('-n', namespace, 'patch', 'service', name, '--subresource=status', '--patch', status);
      }
      await sleep(500, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
