import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commandBlocks, documents, ROOT } from '../../support/docs/commands.ts';

/** What may stand behind `sh` on a fence: who runs the commands below it. */
const RUN_BY: Readonly<Record<string, string>> = {
  make: 'this test asks make what it would do; the targets themselves are what CI runs',
  standalone: 'test/feature/docs/standalone.test.ts, beside a standalone process',
  kube: 'test/kube/docs.test.ts, on a real API server',
  cluster: 'test/e2e/docs.test.ts: needs pods, images, a chart',
};

const blocks = documents().flatMap(commandBlocks);

describe('commands in documents', () => {
  it.each(blocks.map((block) => [block.place, block] as const))(
    'at %s are run by somebody',
    (_, { mark }) => {
      expect(Object.keys(RUN_BY)).toContain(mark);
    },
  );

  const targets = blocks
    .filter(({ mark }) => mark === 'make')
    .flatMap(({ text }) => [...text.matchAll(/^make (\S+)/gm)].map(([, target]) => target!));
  it.each(targets)('make %s is a target', (target) => {
    expect(execFileSync('make', ['--dry-run', target], { cwd: ROOT, encoding: 'utf8' })).not.toBe('');
  });

  it('are some', () => {
    expect(blocks.length).toBeGreaterThan(10);
  });
});
