import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const TOOLS = join(import.meta.dirname, '../../kube/tools');
const PACKAGES = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
};

/**
 * The folder with etcd, kube-apiserver and kubectl: `KUBEBUILDER_ASSETS`, else our cache, else built with Go from
 * test/kube/tools into that cache. Undefined when there is none and no Go to build it with.
 */
export async function findBinaries(say: (line: string) => void): Promise<string | undefined> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets !== undefined && assets !== '') {
    if (await hasAll(assets)) return assets;
    throw new Error(`KUBEBUILDER_ASSETS=${assets} lacks one of ${Object.keys(PACKAGES).join(', ')}`);
  }
  const goMod = await readFile(join(TOOLS, 'go.mod'), 'utf8');
  const version = createHash('sha256').update(goMod).digest('hex').slice(0, 12);
  const root = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const cache = join(root, 'evenkeel', `kube-${version}`);
  if (await hasAll(cache)) return cache;
  if (!(await hasGo())) return undefined;
  await mkdir(cache, { recursive: true });
  const kubernetes = /k8s\.io\/kubernetes (v\S+)/.exec(goMod)?.[1] ?? '';
  const flags = `-s -w -X k8s.io/component-base/version.gitVersion=${kubernetes}`;
  for (const [name, path] of Object.entries(PACKAGES)) {
    say(`building ${name} for the kube tests (once, a few minutes) into ${cache}`);
    const partial = join(cache, `.${name}.${process.pid}`);
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' };
    await run('go', ['build', '-trimpath', '-ldflags', flags, '-o', partial, path], { cwd: TOOLS, env });
    await rename(partial, join(cache, name));
  }
  return cache;
}

async function hasAll(folder: string): Promise<boolean> {
  const found = Object.keys(PACKAGES).map((name) => access(join(folder, name)));
  return (await Promise.allSettled(found)).every(({ status }) => status === 'fulfilled');
}

async function hasGo(): Promise<boolean> {
  return run('go', ['version']).then(
    () => true,
    () => false,
  );
}
