import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as limits from '../../../proxy/http/h1/limits.ts';
import { ROOT } from '../../support/docs/commands.ts';

describe('what docs/http.md says of limits', () => {
  const text = readFileSync(join(ROOT, 'docs/http.md'), 'utf8');
  const kib = (bytes: number) => `${bytes / 1_024} KiB`;

  it.each([
    [
      'request: head; target; headers',
      [kib(limits.MAX_REQUEST_HEAD_BYTES), kib(limits.MAX_TARGET_BYTES), limits.MAX_HEADERS],
    ],
    ['response: head; headers', [kib(limits.MAX_RESPONSE_HEAD_BYTES), limits.MAX_HEADERS]],
    ['trailers', [kib(limits.MAX_TRAILER_BYTES)]],
  ])('is so: %s', (what, figures) => {
    expect(text).toContain(`| ${what} | ${figures.join('; ')} |\n`);
  });
});
