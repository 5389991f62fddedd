import { helm } from './commands.ts';

/** Where the installation that all tests share is. */
export const NAMESPACE = 'evenkeel-e2e';
export const RELEASE = 'evenkeel';
/** `E2E=long make e2e`: every fault as often as the goals say; hours where the short form takes minutes. */
export const LONG = process.env['E2E'] === 'long';
export const TAG = process.env['IMAGE_TAG'] ?? '';

/** `helm upgrade --install` with the images that were built for this run. */
export function install(release: string, namespace: string, ...settings: string[]): Promise<string> {
  const values = ['service.type=NodePort', `image.tag=${TAG}`, ...settings];
  return helm(
    'upgrade',
    '--install',
    release,
    'charts/evenkeel',
    '--namespace',
    namespace,
    '--create-namespace',
    '--wait',
    '--timeout',
    '180s',
    ...values.flatMap((value) => ['--set', value]),
  );
}
