import { networkInterfaces } from 'node:os';
import { apply, get, kubectl } from './commands.ts';
import { TAG } from './installation.ts';

interface Pod {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly nodeName: string };
}

interface Node {
  readonly status: { readonly addresses: readonly { readonly type: string; readonly address: string }[] };
}

/** A signal to every Node process whose control group names the pod. */
const SIGNAL = `
const { readdirSync, readFileSync } = require('node:fs');
const [uid, signal] = process.argv.slice(1);
const wanted = [uid, uid.replaceAll('-', '_')];
let reached = 0;
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
  process.kill(Number(pid), signal);
  reached += 1;
}
process.exit(reached === 0 ? 1 : 0);
`;

/** Nothing comes into the node or leaves it, for a while. The host's nft does it, with the libraries of the host. */
const CUT = `
const { execFileSync } = require('node:child_process');
const { existsSync, readdirSync } = require('node:fs');
const ROOT = '/host';
const folders = ['/lib/x86_64-linux-gnu', '/lib/aarch64-linux-gnu', '/lib64', '/lib'].map((each) => ROOT + each);
const [loader] = folders.filter((folder) => existsSync(folder)).flatMap((folder) =>
  readdirSync(folder).filter((name) => name.startsWith('ld-linux')).map((name) => folder + '/' + name));
const nft = (...args) =>
  execFileSync(loader, ['--library-path', folders.join(':'), ROOT + '/usr/sbin/nft', ...args]);
nft('add table inet evenkeel_e2e');
nft('add chain inet evenkeel_e2e inward { type filter hook prerouting priority -400; policy drop; }');
nft('add chain inet evenkeel_e2e outward { type filter hook postrouting priority 400; policy drop; }');
setTimeout(() => nft('delete table inet evenkeel_e2e'), Number(process.argv[1]));
`;

let made = 0;

/** Runs a script of Node's in a privileged pod in the node's own namespaces; resolves when it has begun. */
async function onNode(node: string, script: string, ...args: string[]): Promise<string> {
  made += 1;
  const name = `fault-${process.pid}-${made}`;
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeName: node,
      hostPID: true,
      hostNetwork: true,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: 'fault',
          image: `evenkeel/proxy:${TAG}`,
          imagePullPolicy: 'IfNotPresent',
          command: ['/usr/local/bin/node', '--eval', script, ...args],
          securityContext: { privileged: true, runAsUser: 0 },
          volumeMounts: [{ name: 'host', mountPath: '/host', readOnly: true }],
        },
      ],
      volumes: [{ name: 'host', hostPath: { path: '/' } }],
    },
  };
  await apply('default', JSON.stringify(manifest));
  return name;
}

async function finish(pod: string): Promise<void> {
  await kubectl('wait', `pod/${pod}`, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s');
  await kubectl('delete', 'pod', pod, '--wait=false');
}

/**
 * Sends a pod's process a signal, such as SIGKILL: an end without any warning, as the kernel would make it when memory
 * is short; deleting a pod, even by force, lets it end in good order first. A privileged pod on the same node does it.
 */
export async function signalPod(namespace: string, pod: string, signal: NodeJS.Signals): Promise<void> {
  const { metadata, spec } = await get<Pod>('-n', namespace, 'pod', pod);
  await finish(await onNode(spec.nodeName, SIGNAL, metadata.uid, signal));
}

/** Takes a node off the network for so long; the returned function waits until it is back. */
export async function cutNode(node: string, ms: number): Promise<() => Promise<void>> {
  const pod = await onNode(node, CUT, String(ms));
  return () => finish(pod);
}

/** This very machine must not be cut off. */
export async function isElsewhere(node: string): Promise<boolean> {
  const { status } = await get<Node>('node', node);
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
  );
  return status.addresses.every(({ address }) => !own.has(address));
}
