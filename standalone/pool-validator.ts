import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { compilePoolValidator, type PoolValidator, type Validation } from '../api/validate/pool-validator.ts';

/** The validator of the CRD that this version ships: the single source of truth for what a pool may say. */
export async function loadPoolValidator(): Promise<PoolValidator> {
  const crd = await readFile(new URL('../crds/loadbalancerpools.yaml', import.meta.url), 'utf8');
  return remembering(compilePoolValidator(parse(crd)));
}

/** Judges an object once, however often it is asked about: of many files one is edited at a time. */
function remembering(validator: PoolValidator): PoolValidator {
  const verdicts = new WeakMap<object, Validation>();
  return {
    validate(object, old) {
      if (typeof object !== 'object' || object === null || old !== undefined)
        return validator.validate(object, old);
      const known = verdicts.get(object);
      if (known !== undefined) return known;
      const verdict = validator.validate(object);
      verdicts.set(object, verdict);
      return verdict;
    },
  };
}
