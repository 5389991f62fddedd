import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { compilePoolValidator, type PoolValidator } from '../api/validate/pool-validator.ts';

/** The validator of the CRD that this version ships: the single source of truth for what a pool may say. */
export async function loadPoolValidator(): Promise<PoolValidator> {
  const crd = await readFile(new URL('../crds/loadbalancerpools.yaml', import.meta.url), 'utf8');
  return compilePoolValidator(parse(crd));
}
