/**
 * Writes the files that are made from a source of truth in this repository; with `--check` it writes nothing and
 * fails when one is stale.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { chartCrd } from './generate/chart-crd.ts';
import { chartReadme } from './generate/chart-readme.ts';
import { commandsDoc } from './generate/commands-doc.ts';
import { configurationDoc } from './generate/configuration-doc.ts';
import { conformanceDoc } from './generate/conformance-doc.ts';
import { controlMessages } from './generate/control-messages.ts';
import { metricsDoc } from './generate/metrics-doc.ts';
import { poolTypes } from './generate/pool-types.ts';
import { statusPage } from './generate/status-page.ts';
import { troubleshootingDoc } from './generate/troubleshooting-doc.ts';
import { unionDefaults } from './generate/union-defaults.ts';

interface Generated {
  readonly path: string;
  readonly content: () => string | Promise<string>;
}

const FILES: readonly Generated[] = [
  { path: 'api/pool.gen.ts', content: () => poolTypes('crds/loadbalancerpools.yaml') },
  { path: 'api/union-defaults.gen.ts', content: () => unionDefaults('crds/loadbalancerpools.yaml') },
  { path: 'api/control_pb.ts', content: controlMessages },
  { path: 'lib/status-page/page.gen.ts', content: () => statusPage('page') },
  { path: 'charts/evenkeel/templates/crd.yaml', content: () => chartCrd('crds/loadbalancerpools.yaml') },
  { path: 'charts/evenkeel/README.md', content: () => chartReadme('charts/evenkeel') },
  { path: 'docs/commands.md', content: commandsDoc },
  { path: 'docs/configuration.md', content: () => configurationDoc('crds/loadbalancerpools.yaml') },
  { path: 'docs/conformance.md', content: conformanceDoc },
  { path: 'docs/metrics.md', content: metricsDoc },
  { path: 'docs/troubleshooting.md', content: troubleshootingDoc },
];

const check = process.argv.includes('--check');
let stale = 0;
for (const { path, content } of FILES) {
  const wanted = await content();
  const present = await readFile(path, 'utf8').catch(() => '');
  if (present === wanted) continue;
  if (!check) {
    await writeFile(path, wanted);
    continue;
  }
  process.stderr.write(`${path} is stale: run make generate\n`);
  stale += 1;
}
process.exitCode = stale === 0 ? 0 : 1;
