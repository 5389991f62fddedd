/**
 * h2spec, the conformance suite for HTTP/2 servers, against an HTTP and an HTTPS port of ours, and every case that does
 * not end as it is known to. Needs h2spec 2.2.1, which Go builds:
 *
 *   GOBIN=$PWD/.cache go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
 *   node scripts/h2spec.ts [SECTIONS...]     such as http2/5.1; default: generic, http2 and hpack
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listener } from '../test/support/builders.ts';
import { TestAuthority } from '../test/support/certificates.ts';
import { ok, ScriptedBackend } from '../test/support/http/backend.ts';
import { HttpProxy } from '../test/support/http/proxy.ts';
import { terminate } from '../test/support/tls.ts';

const BUILT = new URL('../.cache/h2spec', import.meta.url).pathname;

/** Failures that docs/design/0008-http2.md gives the reasons for. */
const KNOWN: ReadonlySet<string> = new Set([
  'http2/5.3.1: Sends HEADERS frame that depend on itself',
  'http2/5.3.1: Sends PRIORITY frame that depend on itself',
]);
/** Where HTTP/1.1 is spoken as well, what is no preface of HTTP/2 is answered in HTTP/1.1. */
const KNOWN_WITHOUT_TLS: ReadonlySet<string> = new Set(['http2/3.5: Sends invalid connection preface']);

interface Case {
  readonly name: string;
  readonly failed: boolean;
}

const sections = process.argv.slice(2);
const program = existsSync(BUILT) ? BUILT : 'h2spec';
const backend = await ScriptedBackend.start(({ socket }) => socket.write(ok('hello, world')));
const authority = await TestAuthority.create();
const plain = await HttpProxy.start({ ports: [backend.port] });
const secure = await HttpProxy.start({
  ports: [backend.port],
  config: { listeners: [listener({ protocol: 'HTTPS', tls: await terminate(authority) })] },
});
const folder = await mkdtemp(join(tmpdir(), 'evenkeel-h2spec-'));
try {
  const unexpected = [
    ...(await check('HTTP', plain.port, [], new Set([...KNOWN, ...KNOWN_WITHOUT_TLS]))),
    ...(await check('HTTPS', secure.port, ['--tls', '--insecure'], KNOWN)),
  ];
  for (const line of unexpected) print(line);
  process.exitCode = unexpected.length === 0 ? 0 : 1;
} finally {
  await secure.close();
  await plain.close();
  await backend.close();
  await rm(folder, { recursive: true });
}

/** Answers what did not end as it is known to. */
async function check(
  protocol: string,
  port: number,
  options: readonly string[],
  known: ReadonlySet<string>,
): Promise<string[]> {
  const cases = await run(port, options);
  const failed = cases.filter((each) => each.failed).map(({ name }) => name);
  print(`${protocol}: ${cases.length} cases, ${failed.length} failed, ${known.size} are known to`);
  const passed = new Set(cases.filter((each) => !each.failed).map(({ name }) => name));
  return [
    ...failed.filter((name) => !known.has(name)).map((name) => `${protocol}: fails: ${name}`),
    ...[...known].filter((name) => passed.has(name)).map((name) => `${protocol}: passes now: ${name}`),
  ];
}

async function run(port: number, options: readonly string[]): Promise<Case[]> {
  const report = join(folder, `${port}.xml`);
  const where = ['--host', '127.0.0.1', '--port', String(port), '--timeout', '2', '--junit-report', report];
  const names = sections.length === 0 ? ['generic', 'http2', 'hpack'] : sections;
  // It ends with 1 when a case fails, and what fails is told by the report.
  const suite = spawn(program, [...where, ...options, ...names], { stdio: ['ignore', 'ignore', 'inherit'] });
  await once(suite, 'exit');
  const xml = await readFile(report, 'utf8');
  return [
    ...xml.matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs),
  ].map(([, section, name, outcome = '']) => ({
    name: `${section}: ${name}`,
    failed: /<(?:failure|error)/.test(outcome),
  }));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
