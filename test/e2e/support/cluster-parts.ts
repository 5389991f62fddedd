import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/eventually.ts';
import { get, run } from './commands.ts';

/**
 * Parts of the cluster itself, such as `apiserver` or `kubelet-NODE`. How they are stopped and started differs from
 * cluster to cluster: E2E_STOP and E2E_START are commands that take a part's name.
 */
const { E2E_STOP = '', E2E_START = '' } = process.env;

export const CAN_STOP_PARTS = E2E_STOP !== '' && E2E_START !== '';

if (!CAN_STOP_PARTS) {
  process.stderr.write(
    '\nSKIPPED: faults of the cluster itself; E2E_STOP and E2E_START do not say how to make them\n\n',
  );
}

export const stopPart = (part: string): Promise<string> => shell(E2E_STOP, part);

export const startPart = (part: string): Promise<string> => shell(E2E_START, part);

function shell(command: string, part: string): Promise<string> {
  const [file, ...args] = command.split(' ');
  return run(file!, [...args, part]);
}

/**
 * The API server is away for so long, and with it who watches the nodes: on its return that one would take every node
 * for dead before their kubelets have said a word, and with them all pods out of all Services, which no load balancer
 * can hide.
 */
export async function withoutApiServer(ms: number): Promise<void> {
  await stopPart('controller-manager');
  try {
    await stopPart('apiserver');
    try {
      await sleep(ms); // that is what is tested: time without it
    } finally {
      await startPart('apiserver');
    }
    const back = Date.now();
    await eventually(
      'every kubelet has been heard of',
      async () => {
        const { items } = await get<{ items: { spec: { renewTime: string } }[] }>(
          '-n',
          'kube-node-lease',
          'leases',
        );
        return items.length > 0 && items.every(({ spec }) => Date.parse(spec.renewTime) > back);
      },
      90_000,
    );
  } finally {
    await startPart('controller-manager');
  }
}
