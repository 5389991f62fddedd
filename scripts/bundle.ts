/**
 * Makes dist/, all that the images are built from: one bundled file for each entry, Node itself, and for each image
 * the licences and the bill of materials (CycloneDX) of what is in it.
 */
import { access, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { bundleOptions, ENTRIES } from './bundle/options.ts';
import { billOfMaterials, licenses, packageFolders, readPackage } from './bundle/packages.ts';
import { version } from '../lib/version.ts';

const IMAGES = { controller: ['controller'], proxy: ['proxy', 'worker'] } as const;
/** npm's Node needs it, and not every base image has it. */
const LIBATOMIC = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'].map(
  (folder) => `${folder}/libatomic.so.1`,
);

await rm('dist', { recursive: true, force: true });
for (const [image, entries] of Object.entries(IMAGES)) {
  const { metafile } = await build(
    bundleOptions(Object.fromEntries(entries.map((entry) => [entry, ENTRIES[entry]]))),
  );
  const packages = await Promise.all(packageFolders(metafile).map(readPackage));
  const main = { name: `evenkeel-${image}`, version: await version() };
  await writeFile(`dist/${image}.licenses.txt`, licenses(packages));
  await writeFile(`dist/${image}.cdx.json`, `${JSON.stringify(billOfMaterials(main, packages), null, 2)}\n`);
}
await mkdir('dist/lib', { recursive: true });
await copyFile(process.execPath, 'dist/node');
for (const library of LIBATOMIC) {
  const found = await access(library).then(
    () => true,
    () => false,
  );
  if (found) await copyFile(library, 'dist/lib/libatomic.so.1');
}
