import { systemClock } from '../../lib/clock.ts';
import { denyAddresses } from '../../controller/resolve/denied-addresses.ts';
import { checkManifest, evaluate } from '../../standalone/evaluate.ts';
import { readManifestFiles } from '../../standalone/file-source.ts';
import { select } from '../../standalone/last-good.ts';
import { diagnosticLine } from '../../standalone/manifests.ts';
import { loadPoolValidator } from '../../standalone/pool-validator.ts';

/**
 * `evenkeel validate`: schema, rules and resolution, offline. One line a fault on standard output, as compilers write
 * them; the exit code is 1 when there are any.
 */
export async function validate(options: { file: string[]; deniedCidrs: string[] }): Promise<number> {
  const validator = await loadPoolValidator();
  const files = await readManifestFiles(options.file);
  const selection = select(files, new Map(), (manifest) => checkManifest(manifest, validator));
  const { pools, diagnostics } = evaluate(selection.objects, {
    validator,
    denied: denyAddresses(options.deniedCidrs),
    now: systemClock.wall(),
    lastGood: new Map(),
    firstSeen: new Map(),
  });
  const all = [...selection.diagnostics, ...diagnostics];
  for (const line of all.map(diagnosticLine)) process.stdout.write(`${line}\n`);
  if (all.length > 0) return 1;
  process.stdout.write(`${pools.size} ${pools.size === 1 ? 'pool' : 'pools'} valid\n`);
  return 0;
}
