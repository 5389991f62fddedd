import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { LoadBalancerPool } from '../../../../api/pool.ts';
import type { StructuralSchema } from '../../../../api/validate/schema.ts';
import { CRD_CASES } from '../../../support/crd-cases.ts';
import { poolValidator } from '../../../support/pools.ts';

const CRD = parse(readFileSync('crds/loadbalancerpools.yaml', 'utf8')) as {
  spec: { versions: { schema: { openAPIV3Schema: StructuralSchema } }[] };
};

describe('the rules of the CRD, offline', () => {
  it.each(CRD_CASES.map((each, i) => ({ ...each, title: `${i} ${each.rule.path}: ${each.rule.message}` })))(
    '$title',
    ({ rule, old, accepted, refused }) => {
      const before = old === undefined ? undefined : validPool(old);
      expect(poolValidator.validate(object(accepted), before)).toMatchObject({ ok: true });

      const verdict = poolValidator.validate(object(refused), before);
      expect(verdict.ok ? [] : verdict.errors).toContainEqual(rule);
    },
  );

  it('has a case for each of them', () => {
    const cases = new Set(CRD_CASES.map(({ rule }) => `${rule.path.replaceAll(/\d+/g, '')} ${rule.message}`));
    const rules = rulesOf(CRD.spec.versions[0]!.schema.openAPIV3Schema, '');
    expect(rules.length).toBeGreaterThan(100);
    expect(rules.filter((rule) => !cases.has(rule))).toEqual([]);
  });
});

function object(spec: object): object {
  return {
    apiVersion: 'evenkeel.dev/v1alpha1',
    kind: 'LoadBalancerPool',
    metadata: { name: 'p', namespace: 'shop' },
    spec,
  };
}

function validPool(spec: object): LoadBalancerPool {
  const verdict = poolValidator.validate(object(spec));
  if (!verdict.ok) throw new Error(JSON.stringify(verdict.errors));
  return verdict.pool;
}

function rulesOf(schema: StructuralSchema, path: string): string[] {
  const own = (schema['x-kubernetes-validations'] ?? []).map(({ message }) => `${path} ${message}`);
  const properties = Object.entries(schema.properties ?? {}).flatMap(([key, child]) =>
    rulesOf(child, path === '' ? key : `${path}.${key}`),
  );
  return [...own, ...properties, ...(schema.items ? rulesOf(schema.items, `${path}[]`) : [])];
}
