import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCommand, startProgram, type RunningCommand } from '../../support/command.ts';
import { commandBlocks, ROOT } from '../../support/docs/commands.ts';
import { createDemoCertificates } from '../../../standalone/demo-certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { ExampleServer } from '../../support/example-servers.ts';
import { freePorts } from '../../support/free-ports.ts';

const DOCUMENTS = ['README.md', 'docs/tasks.md'];
const ADMIN = 9901;

/** What documents say to do beside `make run` is done here, in their order, on ports of the test's own. */
describe('commands in documents, beside a standalone process', () => {
  let folder: string;
  let run: RunningCommand;
  const servers: ExampleServer[] = [];
  const ports = new Map<number, number>();
  const moved = (text: string): string =>
    text.replaceAll(/\b(80[89]\d|844[2-6]|90[0-4][1-3]|9901)\b/g, (port) =>
      String(ports.get(Number(port)) ?? port),
    );

  beforeAll(async () => {
    const wanted = [
      ...Array.from({ length: 20 }, (_, index) => 8080 + index),
      ...[1, 2, 3].flatMap((number) => [9000, 9010, 9020, 9030, 9040].map((base) => base + number)),
      8442,
      8443,
      8445,
      8446,
      ADMIN,
    ];
    const certificates = await createDemoCertificates(Date.now());
    for (const [index, port] of (await freePorts(wanted.length)).entries()) ports.set(wanted[index]!, port);
    for (const number of [1, 2, 3]) {
      const at = (base: number): number => ports.get(base + number)!;
      const places = {
        http: at(9000),
        tcp: at(9010),
        udp: at(9020),
        grpc: at(9030),
        https: at(9040),
      };
      const server = new ExampleServer(String(number), places, certificates.server);
      servers.push(server);
      await server.start();
    }
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-docs-'));
    await cp(join(ROOT, 'examples'), join(folder, 'examples'), { recursive: true });
    for (const name of await readdir(join(folder, 'examples'))) {
      const path = join(folder, 'examples', name);
      await writeFile(path, moved(await readFile(path, 'utf8')));
    }
    await writeFile(join(folder, 'examples', 'certificates.yaml'), certificates.manifests);
    const [pool = ''] =
      /(?<=```yaml\n)[\s\S]*?(?=```)/.exec(await readFile(join(ROOT, 'README.md'), 'utf8')) ?? [];
    await writeFile(join(folder, 'shop.yaml'), pool);
    await mkdir(join(folder, 'state'));
    const admin = `127.0.0.1:${ports.get(ADMIN)}`;
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
    const { code, stdout, stderr } = await startProgram('sh', ['-euc', moved(text)], { cwd: folder }).ended();
    expect({ code, stderr, stdout }).toMatchObject({ code: 0, stderr: '' });
    expect(stdout).not.toBe('');
  });
});
