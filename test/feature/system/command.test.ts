import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXAMPLES } from '../../../cli/examples.ts';
import { createDemoCertificates } from '../../../standalone/demo-certificates.ts';
import {
  BIN,
  command,
  startCommand,
  startProgram,
  type CommandOptions,
  type RunningCommand,
} from '../../support/command.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';

const COMMANDS = ['run', 'controller', 'proxy', 'validate', 'get', 'describe', 'explain', 'drain', 'top'];

interface Shop {
  readonly port: number;
  readonly backend: number;
}

function shop({ port, backend }: Shop): string {
  return `apiVersion: evenkeel.dev/v1alpha1
kind: LoadBalancerPool
metadata: {name: shop}
spec:
  listeners: [{name: web, protocol: HTTP, port: ${port}}]
  backends:
  - {name: v1, type: Static, static: {endpoints: [{address: 127.0.0.1, port: ${backend}}]}}
  routes:
  - name: api
    matches: [{path: {type: PathPrefix, value: /api}}]
    backendRefs: [{name: v1}]
  defaultBackendRefs: [{name: v1}]
`;
}

describe('the evenkeel command', () => {
  let folder: string;
  const running: RunningCommand[] = [];
  const servers: Server[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-command-'));
  });

  afterEach(async () => {
    for (const { child } of running.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    await rm(folder, { recursive: true, force: true });
  });

  const start = (args: readonly string[], options: CommandOptions = {}): RunningCommand => {
    const started = startCommand(args, { cwd: folder, ...options });
    running.push(started);
    return started;
  };
  const backend = async (answer: (path: string) => Promise<string> | string = () => 'hello\n') => {
    const server = createServer((request, response) => {
      void (async () => response.end(await answer(request.url ?? '')))();
    });
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  };
  /** A standalone process that serves `shop.yaml`; resolves when it is ready. */
  const startShop = async (spec: Shop, args: readonly string[] = [], env: Record<string, string> = {}) => {
    await writeFile(join(folder, 'shop.yaml'), shop(spec));
    const run = start(['run', '-f', 'shop.yaml', '--workers', '1', ...args], {
      env: { EVENKEEL_ADMIN: '127.0.0.1:0', ...env },
    });
    const [, admin = ''] = await run.says(/evenkeel get --admin (\S+)/);
    await eventually('ready', async () => (await fetch(`http://${admin}/readyz`)).ok);
    return { run, admin };
  };

  describe('--help', () => {
    it.each(COMMANDS)('of %s tells its options with their twins, and examples', async (name) => {
      const { code, stdout, stderr } = await command([name, '--help']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: evenkeel ${name} `));
      expect(stdout).toContain('EVENKEEL_');
      for (const example of EXAMPLES[name]!) expect(stdout).toContain(`  ${example}\n`);
    });

    it('is beside --version', async () => {
      const { version } = JSON.parse(await readFile(join(BIN, '../package.json'), 'utf8')) as {
        version: string;
      };
      for (const flag of ['--version', '-V']) {
        expect(await command([flag])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
      }
    });

    it('lists the commands', async () => {
      const { code, stdout } = await command(['--help']);
      expect(code).toBe(0);
      for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    });
  });

  describe('bad usage', () => {
    const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
      ['no command', [], /Usage: evenkeel/],
      ['an unknown command', ['fly'], /unknown command 'fly'/],
      ['an unknown option', ['get', '--wings'], /unknown option '--wings'/],
      ['a missing option', ['run'], /required option '-f, --file <path...>'/],
      ['a missing argument', ['drain', 'shop'], /missing required argument 'endpoint'/],
      ['no endpoint', ['drain', 'shop', 'web'], /ADDRESS:PORT is wanted/],
      ['no number', ['run', '-f', 'x', '--workers', '0'], /from 1 to 8 is wanted/],
      ['no duration', ['run', '-f', 'x', '--drain-timeout', '30'], /a duration such as 30s/i],
      ['no address to listen on', ['run', '-f', 'x', '--admin', 'here'], /HOST:PORT is wanted/],
      ['no range', ['validate', '-f', 'x', '--denied-cidrs', '10.0.0.0/99'], /address range/],
      ['no URL', ['explain', '--url', 'shop'], /A URL such as/],
      ['no header', ['explain', '--url', 'http://x/', '--header', 'gold'], /A header such as/],
      ['no choice', ['get', '-o', 'xml'], /Allowed choices are table, wide, json, yaml/],
      ['two sources', ['get', '--admin', '127.0.0.1:1', '--context', 'x'], /not both/],
    ];
    it.each(cases)('(%s) exits with 2 and the reason on standard error', async (_, args, reason) => {
      const { code, stdout, stderr } = await command(args);
      expect(stderr).toMatch(reason);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    });

    it('in the environment is told alike', async () => {
      const { code, stderr } = await command(['run', '-f', 'x'], { env: { EVENKEEL_WORKERS: 'many' } });
      expect(code).toBe(2);
      expect(stderr).toContain('EVENKEEL_WORKERS');
    });
  });

  describe('validate', () => {
    it('writes every fault as FILE:LINE:COLUMN: FIELD: MESSAGE and exits with 1', async () => {
      await writeFile(join(folder, 'bad.yaml'), shop({ port: 70_000, backend: 9000 }));
      const { code, stdout } = await command(['validate', '-f', 'bad.yaml'], { cwd: folder });
      expect(stdout).toMatch(/^bad\.yaml:5:\d+: spec\.listeners\[0\]\.port: .*65535/m);
      expect(code).toBe(1);
    });

    it('says how many pools are good, and takes its files from the environment too', async () => {
      await writeFile(join(folder, 'good.yaml'), shop({ port: 8080, backend: 9000 }));
      const env = { EVENKEEL_FILE: 'good.yaml' };
      expect(await command(['validate'], { cwd: folder, env })).toEqual({
        code: 0,
        stdout: '1 pool valid\n',
        stderr: '',
      });
    });

    it('finds no fault in the examples, all together, as make run serves them', async () => {
      const certificates = join(folder, 'certificates.yaml');
      await writeFile(certificates, (await createDemoCertificates(Date.now())).manifests);
      const { code, stdout } = await command(['validate', '-f', 'examples', '-f', certificates], {
        cwd: join(BIN, '..'),
      });
      expect(stdout).toMatch(/^\d+ pools valid\n$/);
      expect(code).toBe(0);
    });

    it('names a file that is not there', async () => {
      const { code, stdout } = await command(['validate', '-f', 'nowhere.yaml'], { cwd: folder });
      expect(stdout).toMatch(/^nowhere\.yaml:1:1: .*no such file/);
      expect(code).toBe(1);
    });
  });

  describe('a start that fails', () => {
    it('for a missing file exits with 1 and one line', async () => {
      const { code, stdout, stderr } = await command(['run', '-f', 'nowhere.yaml'], { cwd: folder });
      expect({ code, stdout, stderr }).toEqual({
        code: 1,
        stdout: '',
        stderr: 'evenkeel: cannot read nowhere.yaml: there is no such file or folder\n',
      });
    });

    it('for a taken admin port exits with 1 and one line beside the log', async () => {
      const taken = `127.0.0.1:${await backend()}`;
      const [port] = (await freePorts(1)) as [number];
      await writeFile(join(folder, 'shop.yaml'), shop({ port, backend: 9000 }));
      const args = ['run', '-f', 'shop.yaml', '--admin', taken, '--log-level', 'silent', '--workers', '1'];
      const { code, stdout, stderr } = await start(args).ended();
      expect({ code, stdout, stderr }).toEqual({
        code: 1,
        stdout: '',
        stderr: `evenkeel: cannot serve the admin pages at ${taken}: something else listens there\n`,
      });
    });

    it('when nobody answers, says where it asked', async () => {
      const [port] = (await freePorts(1)) as [number];
      const { code, stderr } = await command(['get', '--admin', `127.0.0.1:${port}`]);
      expect(stderr).toMatch(new RegExp(`^evenkeel: nothing answers at 127\\.0\\.0\\.1:${port}: .*\n$`));
      expect(code).toBe(1);
    });
  });

  describe('run', () => {
    it('serves, logs when piped, and at SIGTERM finishes what is open and exits with 0', async () => {
      let answer: (text: string) => void = () => undefined;
      const asked = Promise.withResolvers<void>();
      const port = (await freePorts(1))[0]!;
      const spec = {
        port,
        backend: await backend((path) => {
          if (path !== '/slow') return 'hello\n';
          asked.resolve();
          return new Promise((resolve) => (answer = resolve));
        }),
      };
      const { run } = await startShop(spec, ['--access-log']);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello\n');
      const slow = fetch(`http://127.0.0.1:${port}/slow`).then((response) => response.text());
      slow.catch(() => undefined);
      await asked.promise;
      run.child.kill('SIGTERM');
      await eventually('refuses new connections', () => isRefused(port));
      expect(run.child.exitCode).toBeNull();
      answer('done\n');
      expect(await slow).toBe('done\n');
      const { code, stdout, stderr } = await run.ended();
      expect(code).toBe(0);
      expect(stdout).toContain(`curl http://127.0.0.1:${port}/`);
      expect(stderr).toContain('manifests applied');
      const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
      expect(lines.map((line) => JSON.parse(line) as object)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ pool: 'default/shop', path: '/', status: 200, attempts: 1 }),
          expect.objectContaining({ path: '/slow', status: 200 }),
        ]),
      );
    });

    // K04
    it('ends at once at a second SIGTERM, with 1 as requests were cut off', async () => {
      const asked = Promise.withResolvers<void>();
      const port = (await freePorts(1))[0]!;
      const never = await backend(() => {
        asked.resolve();
        return new Promise<string>(() => undefined);
      });
      const { run } = await startShop({ port, backend: never }, ['--drain-timeout', '10m']);
      const request = fetch(`http://127.0.0.1:${port}/`).catch(() => 'cut off');
      await asked.promise;
      run.child.kill('SIGTERM');
      await eventually('refuses new connections', () => isRefused(port));
      run.child.kill('SIGTERM');
      expect((await run.ended()).code).toBe(1);
      expect(await request).toBe('cut off');
    });

    // K11
    it('tells of a broken file with file, line and field, serves the others, and takes the mended one', async () => {
      const [port, other] = (await freePorts(2)) as [number, number];
      const bad = join(folder, 'bad.yaml');
      await writeFile(bad, shop({ port: 70_000, backend: 9000 }).replace('name: shop', 'name: second'));
      const spec = { port, backend: await backend() };
      const { run, admin } = await startShop(spec, ['-f', 'bad.yaml']);
      expect(run.stderr).toMatch(/^bad\.yaml:5:\d+: spec\.listeners\[0\]\.port: /m);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello\n');
      await writeFile(bad, shop({ ...spec, port: other }).replace('name: shop', 'name: second'));
      await run.says(/this fault is mended/);
      await eventually('served', () => fetch(`http://127.0.0.1:${other}/`).then((response) => response.ok));
      const pools = await command(['get', '--admin', admin]);
      expect(pools.stdout).toMatch(/^default +second .*\ndefault +shop /m);
    });

    it('takes its options from the environment', async () => {
      const [port, adminPort] = (await freePorts(2)) as [number, number];
      const { admin } = await startShop({ port, backend: await backend() }, [], {
        EVENKEEL_ADMIN: `127.0.0.1:${adminPort}`,
        EVENKEEL_BIND: '127.0.0.2',
        EVENKEEL_ACCESS_LOG: 'false',
        EVENKEEL_DRAIN_TIMEOUT: '1s',
      });
      expect(admin).toBe(`127.0.0.1:${adminPort}`);
      expect((await fetch(`http://127.0.0.2:${port}/`)).ok).toBe(true);
      expect(await isRefused(port)).toBe(true);
    });

    it('draws a live table on a terminal, without the log', async () => {
      const port = (await freePorts(1))[0]!;
      await writeFile(join(folder, 'shop.yaml'), shop({ port, backend: await backend() }));
      const line = 'exec evenkeel run -f shop.yaml --workers 1 --admin 127.0.0.1:0';
      // `script` gives it a pseudo-terminal; stty a size, as a new one has none.
      const terminal = startProgram('script', ['-qec', `stty rows 40 cols 150; ${line}`, '/dev/null'], {
        cwd: folder,
        env: { TERM: 'xterm', SHELL: '/bin/sh' },
      });
      running.push(terminal);
      await terminal.says(/default\/shop +http:\/\/127\.0\.0\.1:\d+\/ +RoundRobin +1\/1 +0\.0 +0 +ok/);
      expect(terminal.stdout).toContain('REQUESTS/S');
      expect(terminal.stdout).toMatch(/Status page: http:\/\/127\.0\.0\.1:\d+\//);
      expect(terminal.stdout).not.toContain('"level"');
    });
  });

  describe('on a standalone process', () => {
    it('metrics are Prometheus text, or OpenMetrics for who asks', async () => {
      const port = (await freePorts(1))[0]!;
      const { admin } = await startShop({ port, backend: await backend() });
      await (await fetch(`http://127.0.0.1:${port}/api/x`)).text();
      const scrape = async (accept: string): Promise<[string, string]> => {
        const response = await fetch(`http://${admin}/metrics`, { headers: { accept } });
        return [response.headers.get('content-type') ?? '', await response.text()];
      };
      const sample = 'evenkeel_requests_total{pool="default/shop",route="api",code="200"} 1\n';
      const [plain, text] = await scrape('*/*');
      expect(plain).toMatch(/^text\/plain/);
      expect(text).toContain(`# TYPE evenkeel_requests_total counter\n${sample}`);
      const [open, strict] = await scrape('application/openmetrics-text; version=1.0.0');
      expect(open).toMatch(/^application\/openmetrics-text/);
      expect(strict).toContain(`# TYPE evenkeel_requests counter\n${sample}`);
      expect(strict.endsWith('# EOF\n')).toBe(true);
    });

    it('drain takes an endpoint out and --undo brings it back', async () => {
      const port = (await freePorts(1))[0]!;
      const spec = { port, backend: await backend() };
      const { admin } = await startShop(spec);
      const endpoint = `127.0.0.1:${spec.backend}`;
      const state = async (): Promise<string> => (await command(['get', 'shop', '--admin', admin])).stdout;
      const drained = await command(['drain', 'shop', endpoint, '--admin', admin]);
      expect(drained.stdout).toBe(`default/shop ${endpoint}: draining\n`);
      expect(await state()).toMatch(new RegExp(`${endpoint} .*Draining +Override +Drain`));
      await command(['drain', 'shop', endpoint, '--undo', '--admin', admin]);
      expect(await state()).toMatch(new RegExp(`${endpoint} .*Healthy`));
      const nobody = await command(['drain', 'shop', '127.0.0.1:1', '--admin', admin]);
      expect(nobody).toMatchObject({ code: 1, stderr: 'evenkeel: the pool has no such endpoint\n' });
    });
  });

  describe('the examples in the documentation', () => {
    // The examples name the ports that a reader would take: an address of their own keeps them out of the way.
    const address = `127.${1 + (process.pid % 250)}.${1 + (Math.floor(process.pid / 250) % 250)}.1`;
    const examples = ['validate', 'get', 'describe', 'explain', 'drain', 'top'].flatMap(
      (name) => EXAMPLES[name]!,
    );

    it('all work on a standalone process', async () => {
      const { admin } = await startShop({ port: 8080, backend: 9001 }, ['--bind', address]);
      const inShell = (line: string) =>
        startProgram('/bin/sh', ['-c', line], { cwd: folder, env: { EVENKEEL_ADMIN: admin } }).ended();
      for (const example of examples) {
        // Where an example is about the place to ask, or about kubectl, only that is different here.
        const line = example.replace('127.0.0.1:9901', admin).replace('kubectl evenkeel', 'kubectl-evenkeel');
        const { code, stdout, stderr } = await inShell(line);
        expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: '' });
        expect(stdout).toMatch(/shop|valid/);
      }
    }, 60_000);

    it.each([...EXAMPLES['run']!, ...EXAMPLES['proxy']!])(
      '%s starts, and ends at SIGTERM',
      async (example) => {
        await writeFile(join(folder, 'shop.yaml'), shop({ port: 8080, backend: 9001 }));
        const [adminPort] = await freePorts(1);
        const admin = `127.0.0.1:${adminPort}`;
        const started = start(example.split(' ').slice(1), {
          env: { EVENKEEL_ADMIN: admin, EVENKEEL_WORKERS: '1', EVENKEEL_BIND: address },
        });
        await eventually('healthy', async () => (await fetch(`http://${admin}/healthz`)).ok);
        started.child.kill('SIGTERM');
        expect((await started.ended()).code).toBe(0);
      },
    );

    it('are the ones in docs/commands.md', async () => {
      const text = await readFile(join(import.meta.dirname, '../../../docs/commands.md'), 'utf8');
      const shown = [...text.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, lines]) => lines!.trim().split('\n'));
      expect(shown).toEqual(Object.values(EXAMPLES).flat());
    });
  });
});

async function isRefused(port: number): Promise<boolean> {
  const socket: Socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}
