import { readFileSync } from 'node:fs';
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
}

export function commandBlocks(path: string): CommandBlock[] {
  const blocks: CommandBlock[] = [];
  let open: { place: string; mark: string; lines: string[] } | undefined;
  for (const [index, line] of readFileSync(join(ROOT, path), 'utf8').split('\n').entries()) {
    if (open === undefined) {
      const [, mark] = /^```sh ?(.*)$/.exec(line) ?? [];
      if (mark !== undefined) open = { place: `${path}:${index + 1}`, mark, lines: [] };
    } else if (line === '```') {
      blocks.push({ place: open.place, mark: open.mark, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  return blocks;
}
