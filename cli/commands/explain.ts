import { explain } from '../explain.ts';
import type { PoolSource } from '../sources/pool-source.ts';
import { plainTable } from '../tables.ts';

export interface ExplainOptions {
  readonly url: string;
  readonly method: string;
  readonly header: string[];
  readonly body: string | undefined;
  readonly clientAddress: string;
  readonly class: string;
  readonly output: 'table' | 'json';
}

/** `evenkeel explain`: which route, backend and endpoints a request would get, and why the others lost. */
export async function explainCommand(source: PoolSource, options: ExplainOptions): Promise<number> {
  const { snapshots, pools, doubts } = await source.serving(options.class);
  const explained = explain({ ...options, headers: options.header }, snapshots, pools);
  for (const doubt of doubts) process.stderr.write(`note: ${doubt}\n`);
  if (options.output === 'json') {
    process.stdout.write(`${JSON.stringify(explained, null, 2)}\n`);
    return 0;
  }
  const { verdict, rules, backends, algorithm } = explained;
  const sections = [`${options.method} ${options.url}\n→ ${verdict}`];
  if (backends.length > 0) {
    const rows = backends.flatMap(({ name, weight, priority, endpoints }) =>
      endpoints.map(({ address, state, reason }) => [
        name,
        String(priority),
        String(weight),
        address,
        state,
        reason,
      ]),
    );
    const head = ['BACKEND', 'PRIORITY', 'WEIGHT', 'ENDPOINT', 'STATE', 'REASON'];
    sections.push(`Among these, by ${algorithm}:\n${plainTable(head, rows)}`);
  }
  if (rules.length > 0) {
    const rows = rules.map(({ pool, route, outcome, reason }) => [
      pool,
      route === '' ? '(default)' : route,
      outcome,
      reason,
    ]);
    sections.push(`In order of precedence:\n${plainTable(['POOL', 'ROUTE', 'OUTCOME', 'BECAUSE OF'], rows)}`);
  }
  process.stdout.write(`${sections.join('\n\n')}\n`);
  return 0;
}
