import { helm, kubectl } from './support/commands.ts';
import { install, NAMESPACE, RELEASE } from './support/installation.ts';

/** Installs what all tests use, as a new user would; takes it away at the end. */
export async function setup(): Promise<() => Promise<void>> {
  await install(RELEASE, NAMESPACE);
  return async () => {
    await helm('uninstall', RELEASE, '--namespace', NAMESPACE, '--wait');
    await kubectl('delete', 'namespace', NAMESPACE, '--wait=false');
  };
}
