import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../../lib/log.ts';

describe('the log', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'evenkeel-log-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  // B17
  it.each([
    ['an escape sequence', '\u001b[31mred\u001b]0;title\u0007'],
    ['the same in one byte', '\u009b31mred'],
    ['ends of lines', 'a\nb\r\nc\u0085d\u2028e\u2029f'],
    ['a line that looks like one of ours', 'x"}\n{"level":"error","msg":"on fire"}'],
    ['DEL and NUL', '\u007f\0'],
    ['letters of every kind', 'grüße 😀 \ud800'],
  ])('writes one line that no terminal obeys for %s', (_, value) => {
    const path = join(folder, 'log');
    const fd = openSync(path, 'w');
    createLog('info', fd).info({ path: value, [value]: 1 }, value);
    closeSync(fd);
    const text = readFileSync(path, 'utf8');
    expect(text.match(/\n/g)).toHaveLength(1);
    expect(text.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(JSON.parse(text)).toMatchObject({ path: value, [value]: 1, msg: value });
  });

  it('goes on where it cannot be written, and says so', () => {
    const fd = openSync('/dev/full', 'w');
    let failures = 0;
    const log = createLog('info', fd, () => (failures += 1));
    for (let i = 0; i < 3; i++) log.info('nobody reads this');
    closeSync(fd);
    expect(failures).toBeGreaterThanOrEqual(3);
  });
});
