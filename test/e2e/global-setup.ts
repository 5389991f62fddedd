import { apply, helm, kubectl } from './support/commands.ts';
import { install, NAMESPACE, RELEASE } from './support/installation.ts';

/** Installs what all tests use, as a new user would; takes it away at the end. */
export async function setup(): Promise<() => Promise<void>> {
  // Pods of the installation must keep the strictest standard there is, or they do not start.
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found'); // what an earlier run has left
  await apply(
    'default',
    JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels } }),
  );
  await install(RELEASE, NAMESPACE);
  return async () => {
    await helm('uninstall', RELEASE, '--namespace', NAMESPACE, '--wait');
    await kubectl('delete', 'namespace', NAMESPACE, '--wait=false');
  };
}
