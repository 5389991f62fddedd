import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { PoolSource } from './pool-source.ts';

/** Where a command was told to look, each with who said so. */
export interface SourceWishes {
  readonly admin?: Wish;
  readonly kubeconfig?: Wish;
  readonly context?: Wish;
}

export interface Wish {
  readonly value: string;
  readonly from: 'flag' | 'environment';
}

export type Choice =
  | { readonly kind: 'standalone'; readonly address: string }
  | { readonly kind: 'cluster'; readonly kubeconfig?: string; readonly context?: string }
  /** A standalone process and a cluster were asked for at once. */
  | { readonly kind: 'both' };

export const DEFAULT_ADMIN = '127.0.0.1:9901';

/**
 * Which of the two a reading command asks. A flag counts before the environment; `--admin` means a standalone
 * process, `--kubeconfig` or `--context` a cluster; when nobody says, a cluster if there is a kubeconfig to reach
 * one with, else the standalone default.
 */
export function chooseSource(wishes: SourceWishes, hasKubeconfig: boolean): Choice {
  for (const from of ['flag', 'environment'] as const) {
    const isAdmin = wishes.admin?.from === from;
    const isCluster = wishes.kubeconfig?.from === from || wishes.context?.from === from;
    if (isAdmin && isCluster) return { kind: 'both' };
    if (isAdmin) return { kind: 'standalone', address: wishes.admin.value };
    if (isCluster) return cluster(wishes);
  }
  return hasKubeconfig ? cluster(wishes) : { kind: 'standalone', address: DEFAULT_ADMIN };
}

function cluster({ kubeconfig, context }: SourceWishes): Choice {
  return {
    kind: 'cluster',
    ...(kubeconfig === undefined ? {} : { kubeconfig: kubeconfig.value }),
    ...(context === undefined ? {} : { context: context.value }),
  };
}

/** Whether there is anything to reach a cluster with: KUBECONFIG, ~/.kube/config, or a pod's service account. */
export function hasKubeconfig(env: NodeJS.ProcessEnv): boolean {
  const { KUBECONFIG: path } = env;
  if (path !== undefined && path !== '') return true;
  return (
    existsSync(join(env['HOME'] ?? homedir(), '.kube/config')) ||
    existsSync('/var/run/secrets/kubernetes.io/serviceaccount/token')
  );
}

export async function openSource(choice: Exclude<Choice, { kind: 'both' }>): Promise<PoolSource> {
  if (choice.kind === 'standalone') {
    const { adminSource } = await import('./admin-source.ts');
    return adminSource(choice.address);
  }
  const [{ kubeSource }, { kubeConfig }] = await Promise.all([
    import('./kube-source.ts'),
    import('../../controller/kube/client.ts'),
  ]);
  return kubeSource(kubeConfig(choice.kubeconfig, choice.context));
}
