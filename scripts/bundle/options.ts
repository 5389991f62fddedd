import { readFileSync } from 'node:fs';
import type { BuildOptions } from 'esbuild';

/** What the images run, by the name of the bundle. */
export const ENTRIES = {
  controller: 'cli/images/controller.ts',
  proxy: 'cli/images/proxy.ts',
  worker: 'proxy/worker/main.ts',
} as const;

/** One file for each entry, with the version built in. Everything comes from node_modules, so it works offline. */
export function bundleOptions(entries: Readonly<Record<string, string>>) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  return {
    entryPoints: { ...entries },
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    minifySyntax: true,
    legalComments: 'none', // every package's licence is in LICENSES.txt
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    define: { 'process.env.EVENKEEL_VERSION': JSON.stringify(version) },
    // CommonJS libraries ask for Node's own modules by require().
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  } satisfies BuildOptions;
}
