import { readFile } from 'node:fs/promises';

/** The version in package.json, its only place; bundles have it built in as EVENKEEL_VERSION. */
export async function version(): Promise<string> {
  const builtIn = process.env['EVENKEEL_VERSION'];
  if (builtIn !== undefined) return builtIn;
  const manifest = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
