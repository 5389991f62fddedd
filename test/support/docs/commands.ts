import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN } from '../command.ts';

export const ROOT = join(BIN, '..');

/** A fenced block of commands in a document. */
export interface CommandBlock {
  /** `docs/tasks.md:12`. */
  readonly place: string;
  /** Where it is run: what stands behind `sh` on the fence; empty: nowhere. */
  readonly mark: string;
  readonly text: string;
  /** What the commands print, where the document shows that: a block of text right below. */
  readonly prints?: string;
}

/** Documents with commands, but for those that say themselves who runs them. */
export function documents(): string[] {
  /** Generated from cli/examples.ts, whose every line test/feature/system/command.test.ts and test/kube/cli.test.ts run. */
  const ELSEWHERE = 'docs/commands.md';
  return [
    'README.md',
    'CONTRIBUTING.md',
    ...readdirSync(join(ROOT, 'docs'), { recursive: true })
      .map((name) => `docs/${String(name)}`)
      .filter((path) => path.endsWith('.md') && path !== ELSEWHERE)
      .toSorted(),
  ];
}

export function commandBlocks(path: string): CommandBlock[] {
  const document = readFileSync(join(ROOT, path), 'utf8');
  const BLOCK = /^```sh ?(?<mark>.*)\n(?<text>[^]*?\n)```$(?:\n\n```text\n(?<prints>[^]*?\n)```$)?/gm;
  return [...document.matchAll(BLOCK)].map(({ index, groups }) => {
    const { mark = '', text = '', prints } = groups!;
    const line = document.slice(0, index).split('\n').length;
    return { place: `${path}:${line}`, mark, text, ...(prints === undefined ? {} : { prints }) };
  });
}
