/**
 * Known holes in what goes into the images: fails when the registry names any of more than low severity. Where no
 * registry answers, it says so and fails nothing.
 */
import { spawnSync } from 'node:child_process';
import { auditVerdict } from './audit/verdict.ts';

const DEADLINE_MS = 60_000;

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
  timeout: DEADLINE_MS,
});
const verdict = auditVerdict(stdout ?? '');
switch (verdict.kind) {
  case 'clean':
    process.stdout.write('audit: nothing known\n');
    break;
  case 'vulnerable':
    process.stdout.write(`audit: known holes in ${verdict.packages.join(', ')}: see npm audit --omit=dev\n`);
    process.exitCode = 1;
    break;
  case 'unanswered':
    process.stdout.write(`audit: SKIPPED, the registry does not answer: ${verdict.why}\n`);
    break;
}
