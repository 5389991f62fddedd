import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { compileSnapshot } from '../../controller/compile/snapshot.ts';
import type { ClassPolicy } from '../../controller/resolve/class-policy.ts';
import { settleConflicts } from '../../controller/resolve/conflicts.ts';
import { CONTROLLER_DENIED_CIDRS, denyAddresses } from '../../controller/resolve/denied-addresses.ts';
import { resolvePool } from '../../controller/resolve/resolve-pool.ts';
import type { EndpointSlice, Service } from '../../controller/resolve/world.ts';
import { poolValidator, worldOf } from '../support/pools.ts';

/**
 * From objects to snapshots, whole: each `<name>.in.yaml` holds the objects of a small cluster (and, as `kind: Options`,
 * the time and what the class grants), `<name>.out.json` what becomes of its pools. `make golden` writes the latter
 * anew; its diff is what a change of the code means to a user.
 */
const FOLDER = new URL('compile/', import.meta.url);

interface GoldenObject {
  readonly kind: string;
  readonly metadata: { name: string; namespace: string; annotations?: Record<string, string> };
}

interface Options {
  readonly now?: string;
  readonly policy?: ClassPolicy;
}

describe('resolve and compile', () => {
  const names = readdirSync(FOLDER).flatMap((file) => file.match(/^(.+)\.in\.yaml$/)?.slice(1) ?? []);
  it.each(names)('%s', (name) => {
    const out = `${JSON.stringify(outcomeOf(name), undefined, 2)}\n`;
    const file = new URL(`${name}.out.json`, FOLDER);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, out);
    expect(out).toBe(readFileSync(file, 'utf8'));
  });
});

function outcomeOf(name: string): object {
  const text = readFileSync(new URL(`${name}.in.yaml`, FOLDER), 'utf8');
  const objects = parseAllDocuments(text).map((document) => document.toJS() as GoldenObject);
  const ofKind = (kind: string): GoldenObject[] => objects.filter((object) => object.kind === kind);
  const [options = {}] = ofKind('Options') as unknown as Options[];
  const world = worldOf({
    services: ofKind('Service') as unknown as Service[],
    slices: ofKind('EndpointSlice') as unknown as EndpointSlice[],
    pods: Object.fromEntries(
      ofKind('Pod').map(({ metadata }) => [`${metadata.namespace}/${metadata.name}`, metadata.annotations ?? {}]),
    ),
    denied: denyAddresses(CONTROLLER_DENIED_CIDRS),
    now: Date.parse(options.now ?? '2026-01-01T00:00:00Z'),
  });

  const pools = ofKind('LoadBalancerPool').map((object) => {
    const validation = poolValidator.validate(object);
    if (!validation.ok) throw new Error(JSON.stringify(validation.errors));
    return { id: `${object.metadata.namespace}/${object.metadata.name}`, ...resolvePool(validation.pool, world) };
  });
  const settlement = settleConflicts(
    pools.flatMap(({ intent, served }) => (intent && served ? [{ intent, served }] : [])),
    options.policy,
  );
  return Object.fromEntries(
    pools.map(({ id, intent, problems, staleOverrides, nextExpiry }) => {
      const settled = intent && settlement.get(intent.uid);
      const snapshot = intent && settled?.config && compileSnapshot(intent, settled.config);
      return [
        id,
        { problems: [...problems, ...(settled?.problems ?? [])], staleOverrides, nextExpiry, snapshot },
      ];
    }),
  );
}
