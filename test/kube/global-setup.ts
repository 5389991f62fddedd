import type { TestProject } from 'vitest/node';
import { findBinaries } from '../support/kube/binaries.ts';
import { startApiServer, type ApiServerInfo } from '../support/kube/api-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Null where the programs are missing: the tier is then skipped. */
    apiServer: ApiServerInfo | null;
  }
}

const say = (line: string): void => {
  process.stderr.write(`kube tests: ${line}\n`);
};

/** One API server for all files of the tier; each test makes a namespace, and class names of its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const binaries = await findBinaries(say);
  if (binaries === undefined) {
    say(
      'SKIPPED, ALL OF THEM: no KUBEBUILDER_ASSETS, nothing in the cache, and no Go to build kube-apiserver with',
    );
    project.provide('apiServer', null);
    return async () => undefined;
  }
  const { stop, ...info } = await startApiServer(binaries);
  project.provide('apiServer', info);
  return stop;
}
