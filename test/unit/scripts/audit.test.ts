import { describe, expect, it } from 'vitest';
import { auditVerdict } from '../../../scripts/audit/verdict.ts';

const report = (severities: Readonly<Record<string, string>>): string =>
  JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: Object.fromEntries(
      Object.entries(severities).map(([name, severity]) => [name, { name, severity }]),
    ),
    metadata: { vulnerabilities: { info: 0, low: 0, moderate: 0, high: 0, critical: 0, total: 0 } },
  });

// J17
describe('what npm audit says', () => {
  it.each([
    ['nothing', {}, { kind: 'clean' }],
    ['a low one', { a: 'low' }, { kind: 'clean' }],
    [
      'some',
      { a: 'low', b: 'moderate', c: 'critical' },
      { kind: 'vulnerable', packages: ['b (moderate)', 'c (critical)'] },
    ],
  ])('fails what it should: %s', (_, severities, verdict) => {
    expect(auditVerdict(report(severities))).toEqual(verdict);
  });

  it.each([
    ['', 'npm printed no report'],
    ['npm error network', 'npm printed no report'],
    ['{"message":"405 Method Not Allowed"}', '405 Method Not Allowed'],
    ['{"error":{"code":"ENOTFOUND"}}', 'npm printed no counts'],
  ])('is no verdict when the registry did not answer: %s', (printed, why) => {
    expect(auditVerdict(printed)).toEqual({ kind: 'unanswered', why });
  });
});
