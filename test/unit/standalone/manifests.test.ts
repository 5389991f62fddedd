import { describe, expect, it } from 'vitest';
import { fieldsOf, parseManifests } from '../../../standalone/manifests.ts';

const POOL = `apiVersion: evenkeel.dev/v1alpha1
kind: LoadBalancerPool
metadata:
  name: shop
spec:
  listeners:
  - name: web
    port: 8080
`;

describe('parseManifests', () => {
  it('reads every document of a file and puts objects without a namespace into default', () => {
    const { manifests, diagnostics } = parseManifests(
      'a.yaml',
      `${POOL}---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: n}\n---\n`,
    );
    expect(diagnostics).toEqual([]);
    expect(manifests.map((m) => `${m.kind} ${m.namespace}/${m.name}`)).toEqual([
      'LoadBalancerPool default/shop',
      'Service n/s',
    ]);
  });

  it('finds the line and column of a field, and of the nearest parent of one that is absent', () => {
    const [pool] = parseManifests('a.yaml', POOL).manifests;
    expect(pool?.locate('spec.listeners[0].port')).toEqual({ line: 8, column: 11 });
    expect(pool?.locate('spec.listeners[0].protocol')).toEqual({ line: 7, column: 5 });
    expect(pool?.locate('spec.listeners["web"].port')).toEqual({ line: 8, column: 11 });
    expect(pool?.locate('spec.listeners["other"].port')).toEqual({ line: 7, column: 3 });
    expect(pool?.locate('spec.routes[3].name')).toEqual({ line: 6, column: 3 });
  });

  it('finds fields inside the items of a List', () => {
    const text = `apiVersion: v1\nkind: List\nitems:\n- ${POOL.trimEnd().replaceAll('\n', '\n  ')}\n`;
    const [pool] = parseManifests('a.yaml', text).manifests;
    expect(pool?.locate('spec.listeners[0].port').line).toBe(11);
  });

  it.each([
    ['broken YAML', 'a: [1\nb: 2', 2, /./],
    ['a duplicate key', 'kind: Service\nkind: Service\n', 2, /unique/],
    [
      'a kind that is not read',
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n',
      2,
      /Deployment/,
    ],
    [
      'another version of a kind',
      'apiVersion: v1beta1\nkind: Service\nmetadata: {name: d}\n',
      1,
      /apiVersion/,
    ],
    ['a missing name', 'apiVersion: v1\nkind: Service\nmetadata: {}\n', 3, /metadata.name/],
    [
      'an alias of nothing',
      'apiVersion: v1\nkind: Service\nmetadata: {name: *nobody}\n',
      1,
      /Unresolved alias .*nobody/,
    ],
    ['a kind that holds more than a line', 'kind: "a\\nspec.listeners: fine"\napiVersion: v1\n', 1, /^a$/],
    ['no object at all', '- 1\n', 1, /not a Kubernetes object/],
  ])('says where %s stands', (_what, text, line, message) => {
    const { manifests, diagnostics } = parseManifests('a.yaml', text);
    expect(manifests).toEqual([]);
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]).toMatchObject({ file: 'a.yaml', line });
    expect(diagnostics[0]?.message).toMatch(message);
  });

  it('keeps the good documents of a file whose other documents are broken', () => {
    const { manifests, diagnostics } = parseManifests('a.yaml', `${POOL}---\nkind: 3\n`);
    expect(manifests).toHaveLength(1);
    expect(diagnostics).toHaveLength(1);
  });
});

describe('fieldsOf', () => {
  it('splits names, indices and quoted keys', () => {
    expect(fieldsOf('spec.a[2].b["x.y/z"]')).toEqual(['spec', 'a', 2, 'b', 'x.y/z']);
  });
});
