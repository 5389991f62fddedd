import { startProgram } from '../../support/command.ts';
import { get } from './commands.ts';

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

/** Reads what each proxy of an installation logs from now on; stopped, it gives the lines of each. */
export async function followProxies(namespace: string): Promise<{ stop(): ProxyLine[][] }> {
  const { items } = await get<Pods>('-n', namespace, 'pods', '-l', 'app.kubernetes.io/component=proxy');
  const env = { KUBECONFIG: process.env['KUBECONFIG'] ?? '' };
  const running = items.map(({ metadata }) =>
    startProgram('kubectl', ['-n', namespace, 'logs', '--follow', '--tail=0', metadata.name], { env }),
  );
  return {
    stop: () =>
      running.map(({ child, stdout }) => {
        child.kill();
        return stdout
          .split('\n')
          .slice(0, -1) // behind the last whole line
          .map((line) => JSON.parse(line) as ProxyLine & { time: string })
          .map((line) => ({ ...line, at: Date.parse(line.time) }));
      }),
  };
}
