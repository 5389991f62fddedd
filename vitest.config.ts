import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** A file for the counts, beside what is printed. */
const report = process.env['TEST_REPORT'];

export default defineConfig({
  test: {
    pool: 'forks',
    // Left to itself vitest leaves one core out, and takes the files one by one where there are two. Tests wait more
    // than they compute.
    maxWorkers: Math.max(2, availableParallelism()),
    reporters: ['default', ...(report === undefined ? [] : (['json'] as const))],
    ...(report === undefined ? {} : { outputFile: { json: report } }),
    // A shared machine can starve a test of its second; what fails twice is broken. The report names what was retried.
    retry: process.env['CI'] === undefined ? 0 : 1,
    projects: [
      {
        extends: true,
        test: {
          name: 'local',
          include: ['test/**/*.test.ts'],
          exclude: ['test/kube/**', 'test/e2e/**', 'test/soak/**'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        // One at a time: what they measure is theirs alone.
        test: { name: 'soak', include: ['test/soak/**/*.test.ts'], fileParallelism: false },
      },
      {
        extends: true,
        test: {
          name: 'kube',
          include: ['test/kube/**/*.test.ts'],
          globalSetup: ['test/kube/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
