import { describe, expect, it } from 'vitest';
import { select } from '../../../standalone/last-good.ts';
import { parseManifests, type Diagnostic, type Manifest } from '../../../standalone/manifests.ts';

function files(texts: Record<string, string>): Map<string, ReturnType<typeof parseManifests>> {
  return new Map(Object.entries(texts).map(([file, text]) => [file, parseManifests(file, text)]));
}

function service(name: string, port = 80): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: ${port}}]}\n`;
}

function ports(objects: ReadonlyMap<string, Manifest>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [id, { object }] of objects) {
    found[id] = (object['spec'] as { ports: { port: number }[] }).ports[0]?.port;
  }
  return found;
}

const noFaults = (): Diagnostic[] => [];
const portBelow1000 = (manifest: Manifest): Diagnostic[] =>
  Number(Object.values(ports(new Map([['x', manifest]])))[0]) < 1000
    ? []
    : [{ file: manifest.file, ...manifest.locate('spec.ports[0].port'), message: 'too large' }];

describe('select', () => {
  it('takes what reads well and drops what is in no file any more', () => {
    const before = select(files({ a: service('s'), b: service('t') }), new Map(), noFaults);
    const after = select(files({ a: service('s', 81) }), before.objects, noFaults);
    expect(ports(after.objects)).toEqual({ 'Service default/s': 81 });
  });

  it('keeps the last good version of an object that has become faulty, and says where the fault is', () => {
    const before = select(files({ a: service('s') }), new Map(), portBelow1000);
    const after = select(files({ a: service('s', 4000) }), before.objects, portBelow1000);
    expect(ports(after.objects)).toEqual({ 'Service default/s': 80 });
    expect(after.diagnostics).toMatchObject([{ file: 'a', line: 4, message: 'too large' }]);
  });

  it('keeps everything that a file held while the file does not parse', () => {
    const before = select(
      files({ a: `${service('s')}---\n${service('t')}`, b: service('u') }),
      new Map(),
      noFaults,
    );
    const after = select(files({ a: 'x: [', b: service('u', 81) }), before.objects, noFaults);
    expect(ports(after.objects)).toEqual({
      'Service default/s': 80,
      'Service default/t': 80,
      'Service default/u': 81,
    });
  });

  it('takes the first of two objects with one name and reports the other', () => {
    const { objects, diagnostics } = select(
      files({ a: service('s', 1), b: service('s', 2) }),
      new Map(),
      noFaults,
    );
    expect(ports(objects)).toEqual({ 'Service default/s': 1 });
    expect(diagnostics).toMatchObject([{ file: 'b', line: 3 }]);
  });

  it('leaves out an object that was never good', () => {
    const { objects, diagnostics } = select(files({ a: service('s', 4000) }), new Map(), portBelow1000);
    expect(objects.size).toBe(0);
    expect(diagnostics).toHaveLength(1);
  });
});
