import { get, kubectl } from './commands.ts';

/** A line that a proxy has logged, as far as tests look at it. */
export interface ProxyLine {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Of a change of an endpoint's state. */
  readonly podName?: string;
  readonly state?: string;
  readonly reason?: string;
}

interface Pods {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

/** What each proxy of an installation has logged since then. */
export async function proxyLogs(namespace: string, since: number): Promise<ProxyLine[][]> {
  const { items } = await get<Pods>('-n', namespace, 'pods', '-l', 'app.kubernetes.io/component=proxy');
  return Promise.all(
    items.map(async ({ metadata }) => {
      const text = await kubectl('-n', namespace, 'logs', metadata.name);
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as ProxyLine & { time: string })
        .map((line) => ({ ...line, at: Date.parse(line.time) }))
        .filter(({ at }) => at >= since);
    }),
  );
}
