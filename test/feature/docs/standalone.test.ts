import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCommand, startProgram, type RunningCommand } from '../../support/command.ts';
import { commandBlocks, ROOT } from '../../support/docs/commands.ts';
import { createDemoCertificates } from '../../../standalone/demo-certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { MovedPorts } from '../../support/example-ports.ts';
import { ExampleServer } from '../../support/example-servers.ts';

const DOCUMENTS = ['README.md', 'docs/tasks.md'];
const ADMIN = 9901;

/** What documents say to do beside `make run` is done here, in their order, on ports of the test's own. */
describe('commands in documents, beside a standalone process', () => {
  let folder: string;
  let run: RunningCommand;
  const servers: ExampleServer[] = [];
  let ports: MovedPorts;

  beforeAll(async () => {
    const certificates = await createDemoCertificates(Date.now());
    ports = await MovedPorts.find(ADMIN);
    for (const number of [1, 2, 3]) {
      const server = new ExampleServer(String(number), ports.ofServer(number), certificates.server);
      servers.push(server);
      await server.start();
    }
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-docs-'));
    await cp(join(ROOT, 'examples'), join(folder, 'examples'), { recursive: true });
    for (const name of await readdir(join(folder, 'examples'))) {
      const path = join(folder, 'examples', name);
      await writeFile(path, ports.in(await readFile(path, 'utf8')));
    }
    await writeFile(join(folder, 'examples', 'certificates.yaml'), certificates.manifests);
    const [pool = ''] =
      /(?<=```yaml\n)[\s\S]*?(?=```)/.exec(await readFile(join(ROOT, 'README.md'), 'utf8')) ?? [];
    await writeFile(join(folder, 'shop.yaml'), pool);
    await mkdir(join(folder, 'state'));
    const admin = `127.0.0.1:${ports.of(ADMIN)}`;
    run = startCommand(['run', '-f', 'examples', '--workers', '1', '--admin', admin], { cwd: folder });
    await eventually('ready', async () => {
      if (run.child.exitCode !== null) throw new Error(run.stderr);
      return (await fetch(`http://${admin}/readyz`)).ok;
    });
  });

  afterAll(async () => {
    run.child.kill('SIGKILL');
    await run.ended();
    for (const server of servers) await server.kill();
    await rm(folder, { recursive: true, force: true });
  });

  const blocks = DOCUMENTS.flatMap(commandBlocks).filter(({ mark }) => mark === 'standalone');

  it.each(blocks.map(({ place, text }) => [place, text] as const))('%s', async (_, text) => {
    const { code, stdout, stderr } = await startProgram('sh', ['-euc', ports.in(text)], {
      cwd: folder,
    }).ended();
    expect({ code, stderr, stdout }).toMatchObject({ code: 0, stderr: '' });
    expect(stdout).not.toBe('');
  });
});
