import { apply, get, kubectl } from './commands.ts';
import { TAG } from './installation.ts';

interface Pod {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly nodeName: string };
}

/** What the killer runs: SIGKILL to every process whose control group names the pod. */
const SCRIPT = `
const { readdirSync, readFileSync } = require('node:fs');
const [uid] = process.argv.slice(1);
const wanted = [uid, uid.replaceAll('-', '_')];
let killed = 0;
for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
  let groups = '';
  let command = '';
  try {
    groups = readFileSync('/proc/' + pid + '/cgroup', 'utf8');
    command = readFileSync('/proc/' + pid + '/cmdline', 'utf8');
  } catch {
    continue;
  }
  if (!wanted.some((name) => groups.includes(name)) || !command.includes('node')) continue;
  process.kill(Number(pid), 'SIGKILL');
  killed += 1;
}
process.exit(killed === 0 ? 1 : 0);
`;

/**
 * Kills a pod's process without any warning, as the kernel would when memory is short; deleting a pod, even by
 * force, lets it end in good order first. A privileged pod on the same node does it.
 */
export async function killContainer(namespace: string, pod: string): Promise<void> {
  const { metadata, spec } = await get<Pod>('-n', namespace, 'pod', pod);
  const killer = `kill-${metadata.uid.slice(0, 8)}`;
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: killer },
    spec: {
      nodeName: spec.nodeName,
      hostPID: true,
      restartPolicy: 'Never',
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: 'kill',
          image: `evenkeel/proxy:${TAG}`,
          imagePullPolicy: 'IfNotPresent',
          command: ['/usr/local/bin/node', '--eval', SCRIPT, metadata.uid],
          securityContext: { privileged: true, runAsUser: 0 },
        },
      ],
    },
  };
  await apply('default', JSON.stringify(manifest));
  await kubectl('wait', `pod/${killer}`, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s');
  await kubectl('delete', 'pod', killer, '--wait=false');
}
