import { isBuiltin } from 'node:module';
import { build, type Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { bundleOptions, ENTRIES } from '../../../scripts/bundle/options.ts';
import { billOfMaterials, packageFolders, readPackage } from '../../../scripts/bundle/packages.ts';

async function metafileOf(...entries: (keyof typeof ENTRIES)[]): Promise<Metafile> {
  const wanted = Object.fromEntries(entries.map((entry) => [entry, ENTRIES[entry]]));
  return (await build({ ...bundleOptions(wanted), write: false })).metafile;
}

describe('the bundles', { timeout: 60_000 }, () => {
  it('of the proxy know no Kubernetes client, and little of the controller', async () => {
    const metafile = await metafileOf('proxy', 'worker');
    expect(packageFolders(metafile)).toContain('node_modules/@grpc/grpc-js');
    for (const library of ['@kubernetes/client-node', 'undici', '@peculiar/x509', 'ajv']) {
      expect(packageFolders(metafile)).not.toContain(`node_modules/${library}`);
    }
    const ours = Object.keys(metafile.inputs).filter((path) => path.startsWith('controller/'));
    // What the command line reads durations and ranges with.
    expect(ours.toSorted()).toEqual([
      'controller/resolve/denied-addresses.ts',
      'controller/resolve/units.ts',
    ]);
  });

  it('of the controller hold nothing of the proxy', async () => {
    const metafile = await metafileOf('controller');
    expect(packageFolders(metafile)).toContain('node_modules/@kubernetes/client-node');
    const ours = Object.keys(metafile.inputs).filter((path) => /^(proxy|standalone|bench|test)\//.test(path));
    expect(ours).toEqual([]);
  });

  it('have the version of package.json built in, and need nothing beside them but Node', async () => {
    const { outputFiles, metafile } = await build({
      ...bundleOptions({ proxy: ENTRIES.proxy }),
      sourcemap: false,
      write: false,
    });
    expect(outputFiles[0]!.text).toMatch(/= ?"\d+\.\d+\.\d+"/);
    expect(outputFiles[0]!.text).not.toContain('EVENKEEL_VERSION');
    const outside = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
    // Optional parts of libraries, asked for with require() in a try.
    const optional = new Set(['pino-pretty']);
    const unknown = outside.filter(
      ({ path, external }) => external && !isBuiltin(path) && !optional.has(path),
    );
    expect(unknown).toEqual([]);
  });
});

describe('the bill of materials', () => {
  it('names what is in the bundle, with versions and licences', async () => {
    const metafile = {
      inputs: { 'node_modules/pino/lib/a.js': {}, 'node_modules/@grpc/grpc-js/b.js': {}, 'lib/log.ts': {} },
    };
    const folders = packageFolders(metafile as unknown as Metafile);
    expect(folders).toEqual(['node_modules/@grpc/grpc-js', 'node_modules/pino']);
    const packages = await Promise.all(folders.map(readPackage));
    expect(packages.every(({ licenseText }) => licenseText.length > 500)).toBe(true);
    const bill = billOfMaterials({ name: 'evenkeel-proxy', version: '1.2.3' }, packages) as {
      components: { purl: string }[];
    };
    expect(bill.components.map(({ purl }) => purl)).toEqual([
      `pkg:npm/%40grpc/grpc-js@${packages[0]!.version}`,
      `pkg:npm/pino@${packages[1]!.version}`,
    ]);
  });
});
