import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readManifestFiles } from '../../../standalone/file-source.ts';
import { loadPoolValidator } from '../../../standalone/pool-validator.ts';

const pool = (name: string) =>
  `{apiVersion: evenkeel.dev/v1alpha1, kind: LoadBalancerPool, metadata: {name: ${name}}, spec: {}}\n`;

describe('files that are read again', () => {
  let folder: string;
  const file = (name: string): string => join(folder, name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-files-'));
    await writeFile(file('a.yaml'), pool('a'));
    await writeFile(file('b.yaml'), pool('b'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('are parsed again only when they say something else', async () => {
    const first = await readManifestFiles([folder]);
    await writeFile(file('a.yaml'), pool('a'));
    await writeFile(file('b.yaml'), pool('c'));
    const second = await readManifestFiles([folder], first);
    expect(second.get(file('a.yaml'))).toBe(first.get(file('a.yaml')));
    expect(second.get(file('b.yaml'))!.manifests.map(({ name }) => name)).toEqual(['c']);
  });

  it('are read anew when they could not be read before', async () => {
    const missing = file('c.yaml');
    const first = await readManifestFiles([missing]);
    expect(first.get(missing)!.diagnostics).toHaveLength(1);
    await writeFile(missing, pool('c'));
    expect((await readManifestFiles([missing], first)).get(missing)!.manifests).toHaveLength(1);
  });

  it('have a pool judged once, however often somebody asks', async () => {
    const validator = await loadPoolValidator();
    const files = await readManifestFiles([folder]);
    const [manifest] = files.get(file('a.yaml'))!.manifests;
    const verdict = validator.validate(manifest!.object);
    expect(verdict.ok).toBe(false);
    expect(validator.validate(manifest!.object)).toBe(verdict);
  });
});
