import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

const LOCK = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const MANIFEST = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
};

// J17
describe('the packages that are installed', () => {
  const packages = Object.entries(LOCK.packages).filter(([path]) => path !== '');

  it('are each locked by a strong hash, wherever they come from', () => {
    expect(packages.length).toBeGreaterThan(100);
    expect(packages.filter(([, { integrity }]) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ''))).toEqual(
      [],
    );
    expect(packages.filter(([, { resolved, link }]) => resolved !== undefined || link === true)).toEqual([]);
  });

  it('are asked for by exact version', () => {
    const wanted = Object.entries({ ...MANIFEST.dependencies, ...MANIFEST.devDependencies });
    expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('run no script when they are installed, but for Node’s own, which brings its program', () => {
    const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    const inProduction = scripted.filter(([, { dev }]) => dev !== true).map(([path]) => path);
    // Prints a warning about versions. It is not in a bundle's way, since bundles have no install.
    expect(inProduction).toEqual(['node_modules/protobufjs']);
    expect(MANIFEST.allowScripts).toEqual({ node: true });
  });
});

// J17
describe('the images', () => {
  const copies = [...readFileSync('Dockerfile', 'utf8').matchAll(/^(?:COPY|ADD) (.*) \S+$/gm)].flatMap(
    ([, from]) => from!.split(' '),
  );

  it('hold Node, its library, bundles and what says what is in them, and nothing that was installed', () => {
    expect(copies.length).toBeGreaterThan(5);
    const kinds = /^dist\/(?:node|lib\/|\w+\.mjs(?:\.map)?|\w+\.licenses\.txt|\w+\.cdx\.json)$/;
    expect(copies.filter((from) => !kinds.test(from))).toEqual([]);
  });

  it('are built without a command that could fetch or run anything', () => {
    expect(readFileSync('Dockerfile', 'utf8')).not.toMatch(/^(?:RUN|ADD|ONBUILD)\b/m);
  });
});
