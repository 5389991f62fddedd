import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/** A library that is in a bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As its package.json says, an SPDX expression. */
  readonly license: string;
  readonly licenseText: string;
}

/** Folders of the packages that the bundle was made of, such as `node_modules/pino`, sorted. */
export function packageFolders({ inputs }: Pick<Metafile, 'inputs'>): string[] {
  const folders = Object.keys(inputs).flatMap(
    (path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
  );
  return [...new Set(folders)].toSorted();
}

export async function readPackage(folder: string): Promise<BundledPackage> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: string;
  };
  const file = (await readdir(folder)).find((each) => /^(licen[cs]e|copying)/i.test(each));
  return {
    name,
    version,
    license: license ?? 'NOASSERTION',
    licenseText: file === undefined ? '' : await readFile(join(folder, file), 'utf8'),
  };
}

/** The licences of all of them, in one text. */
export function licenses(packages: readonly BundledPackage[]): string {
  return packages
    .map(({ name, version, license, licenseText }) => `${name} ${version}: ${license}\n\n${licenseText}`)
    .join(`\n\n${'-'.repeat(80)}\n\n`);
}

/** CycloneDX 1.5 bill of materials. */
export function billOfMaterials(
  main: { readonly name: string; readonly version: string },
  packages: readonly BundledPackage[],
): unknown {
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'application', ...main } },
    components: packages.map(({ name, version, license }) => ({
      type: 'library',
      name,
      version,
      purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
      licenses: [{ expression: license }],
    })),
  };
}
