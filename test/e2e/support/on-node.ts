import { networkInterfaces } from 'node:os';
import { eventually } from '../../support/eventually.ts';
import { apply, get, kubectl } from './commands.ts';
import { TAG } from './installation.ts';

interface Pod {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly nodeName: string };
}

interface Node {
  readonly status: { readonly addresses: readonly { readonly type: string; readonly address: string }[] };
}

/** Finds the Node processes whose control groups name a pod. */
const FIND = `
const { readdirSync, readFileSync } = require('node:fs');
function processesOf(uid) {
  const wanted = [uid, uid.replaceAll('-', '_')];
  return readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).filter((pid) => {
    try {
      const groups = readFileSync('/proc/' + pid + '/cgroup', 'utf8');
      return wanted.some((name) => groups.includes(name)) &&
        readFileSync('/proc/' + pid + '/cmdline', 'utf8').includes('node');
    } catch {
      return false;
    }
  });
}
`;

const SIGNAL = `${FIND}
const [uid, signal] = process.argv.slice(1);
const pids = processesOf(uid);
for (const pid of pids) process.kill(Number(pid), signal);
console.log(Date.now());
process.exit(pids.length === 0 ? 1 : 0);
`;

/** The host's programs, with the libraries of the host: the image has none. */
const HOST = `
const { execFileSync } = require('node:child_process');
const { existsSync, readdirSync: list } = require('node:fs');
const folders = ['/lib/x86_64-linux-gnu', '/lib/aarch64-linux-gnu', '/lib64', '/lib'].map((each) => '/host' + each);
const [loader] = folders.filter((folder) => existsSync(folder)).flatMap((folder) =>
  list(folder).filter((name) => name.startsWith('ld-linux')).map((name) => folder + '/' + name));
const onHost = (program, ...args) => [loader, '--library-path', folders.join(':'), '/host' + program, ...args];
const run = ([file, ...args]) => execFileSync(file, args);
`;

/** Nothing comes into the node or leaves it, for a while. */
const CUT = `${HOST}
const nft = (...args) => run(onHost('/usr/sbin/nft', ...args));
nft('add table inet evenkeel_e2e');
nft('add chain inet evenkeel_e2e inward { type filter hook prerouting priority -400; policy drop; }');
nft('add chain inet evenkeel_e2e outward { type filter hook postrouting priority 400; policy drop; }');
setTimeout(() => nft('delete table inet evenkeel_e2e'), Number(process.argv[1]));
`;

/** What comes from some addresses to a pod is dropped without a word, for a while; says when that began and ended. */
const BLACK_HOLE = `${FIND}${HOST}
const [uid, ms, ...from] = process.argv.slice(1);
const [pid] = processesOf(uid);
const nft = (...args) => run(
  onHost('/usr/bin/nsenter', '--target', pid, '--net', '--', ...onHost('/usr/sbin/nft', ...args)));
nft('add table ip evenkeel_e2e');
nft('add chain ip evenkeel_e2e inward { type filter hook prerouting priority -400; policy accept; }');
nft('add rule ip evenkeel_e2e inward ip saddr { ' + from.join(', ') + ' } drop');
console.log(Date.now());
setTimeout(() => {
  nft('delete table ip evenkeel_e2e');
  console.log(Date.now());
}, Number(ms));
`;

let made = 0;

/** Runs a script of Node's in a privileged pod in the node's own namespaces; resolves to the pod's name. */
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

/** Waits for its end, and for what it has printed. */
async function finish(pod: string): Promise<number[]> {
  await kubectl('wait', `pod/${pod}`, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s');
  // A kubelet may answer in place of a log that it cannot read just now.
  const printed = await eventually('what it has printed', async () => {
    const lines = (await kubectl('logs', pod)).trim().split('\n').map(Number);
    return lines.every((line) => !Number.isNaN(line)) && lines;
  });
  await kubectl('delete', 'pod', pod, '--wait=false');
  return printed;
}

/**
 * Sends a pod's process a signal, such as SIGKILL: an end without any warning, as the kernel would make it when memory
 * is short; deleting a pod, even by force, lets it end in good order first. A privileged pod on the same node does it.
 * Resolves to when that was; milliseconds since the epoch.
 */
export async function signalPod(namespace: string, pod: string, signal: NodeJS.Signals): Promise<number> {
  const { metadata, spec } = await get<Pod>('-n', namespace, 'pod', pod);
  const [at] = await finish(await onNode(spec.nodeName, SIGNAL, metadata.uid, signal));
  return at!;
}

/** What these addresses send to a pod is lost for so long; resolves, after that, to when it began and ended. */
export async function blackHole(
  namespace: string,
  pod: string,
  from: readonly string[],
  ms: number,
): Promise<{ readonly began: number; readonly ended: number }> {
  const { metadata, spec } = await get<Pod>('-n', namespace, 'pod', pod);
  const [began, ended] = await finish(
    await onNode(spec.nodeName, BLACK_HOLE, metadata.uid, String(ms), ...from),
  );
  return { began: began!, ended: ended! };
}

/** Takes a node off the network for so long; the returned function waits until it is back. */
export async function cutNode(node: string, ms: number): Promise<() => Promise<void>> {
  const pod = await onNode(node, CUT, String(ms));
  return async () => {
    await finish(pod);
  };
}

/** This very machine must not be cut off. */
export async function isElsewhere(node: string): Promise<boolean> {
  const { status } = await get<Node>('node', node);
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
  );
  return status.addresses.every(({ address }) => !own.has(address));
}
