import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProgram, type RunningCommand } from '../support/command.ts';
import { commandBlocks, documents, ROOT } from '../support/docs/commands.ts';
import { eventually } from '../support/eventually.ts';
import { startCloud } from './support/cloud.ts';
import { apply, helm, kubectl, newNamespace } from './support/commands.ts';
import { install, NAMESPACE, RELEASE } from './support/installation.ts';
import { shop } from './support/shop.ts';

/** Where a reader is, with a Service and three pods of a name that all documents use. */
const HERE = 'docs';
const INSTALLS = 'helm install evenkeel ';
/** Goes on until a person ends it. */
const STAYS = /port-forward .* (?<port>\d+)$/m;

const blocks = documents()
  .flatMap(commandBlocks)
  .filter(({ mark }) => mark === 'cluster');
// Those that begin with an installation are done by somebody who has none; the first of them serves the others.
const pathOf = ({ place }: { place: string }): string => place.split(':')[0]!;
const installing = new Set(blocks.filter(({ text }) => text.includes(INSTALLS)).map(pathOf));
const [first, ...rest] = installing;
const order = [first, ...blocks.map(pathOf).filter((path) => !installing.has(path)), ...rest];
const inOrder = [...new Set(order)].flatMap((path) => blocks.filter((block) => pathOf(block) === path));

describe('commands in documents, on a cluster', () => {
  let folder: string;
  let env: Record<string, string>;
  let cloud: ReturnType<typeof startCloud>;

  beforeAll(async () => {
    // Whoever follows the documents makes the only installation of a cluster, which owns the CRD.
    await helm('uninstall', RELEASE, '--namespace', NAMESPACE, '--wait');
    await kubectl('delete', 'crd', CRD);
    await newNamespace(HERE);
    const [workload] = shop({ port: 80 }).split('---\napiVersion: evenkeel.dev');
    await apply(HERE, workload!);
    await kubectl('-n', HERE, 'rollout', 'status', 'deployment/shop', '--timeout', '120s');
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-docs-'));
    const own = join(folder, 'kubeconfig');
    await copyFile(process.env['KUBECONFIG']!, own);
    await kubectl('--kubeconfig', own, 'config', 'set-context', '--current', '--namespace', HERE);
    env = { KUBECONFIG: own };
    for (const name of ['HOME', 'IMAGE_BUILD', 'IMAGE_LOAD']) {
      if (process.env[name] !== undefined) env[name] = process.env[name];
    }
    cloud = startCloud();
  });

  afterAll(async () => {
    await cloud.stop();
    await removeAll();
    await kubectl('delete', 'namespace', HERE, 'evenkeel', 'edge', '--ignore-not-found', '--wait=false');
    await install(RELEASE, NAMESPACE);
    await rm(folder, { recursive: true, force: true });
  });

  it.each(inOrder.map((block) => [block.place, block] as const))('%s', async (_, { text, prints }) => {
    if (text.includes(INSTALLS)) await removeAll();
    const { port } = STAYS.exec(text)?.groups ?? {};
    // What stays takes the shell's place, so that it ends with it.
    const running = startProgram('sh', ['-euc', port === undefined ? text : `exec ${text}`], {
      cwd: ROOT,
      env,
    });
    if (port !== undefined) await answers(running, Number(port));
    const { code, stdout, stderr } = await running.ended();
    if (code !== (port === undefined ? 0 : null)) throw new Error(`ended with ${code}: ${stdout}${stderr}`);
    expect(words(stdout)).toEqual(words(prints ?? stdout));
    // Images that have been made once are there.
    if (text.includes('make images')) env['IMAGE_BUILD'] = env['IMAGE_LOAD'] = 'true';
  });
});

const CRD = 'loadbalancerpools.evenkeel.dev';

async function removeAll(): Promise<void> {
  for (const name of ['evenkeel', 'edge']) {
    await helm('uninstall', name, '--namespace', name, '--ignore-not-found', '--wait');
  }
  await kubectl('delete', 'crd', CRD, '--ignore-not-found');
}

async function answers({ child }: RunningCommand, port: number): Promise<void> {
  try {
    await eventually('it answers', async () => (await fetch(`http://127.0.0.1:${port}/`)).ok);
  } finally {
    child.kill();
  }
}

/** What is printed, whatever its spacing; times are never the same. */
function words(printed: string): string[] {
  return printed.split(/\s+/).map((word) => (/^(\d+[smhd])+$/.test(word) ? 'AGE' : word));
}
