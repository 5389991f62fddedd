/** What `npm audit --json` prints, as far as it matters here; something else when the registry could not be asked. */
interface Report {
  readonly metadata?: { readonly vulnerabilities?: Readonly<Record<string, number>> };
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string }>>;
  readonly message?: string;
}

export type AuditVerdict =
  | { readonly kind: 'clean' }
  | { readonly kind: 'vulnerable'; readonly packages: readonly string[] }
  /** Nobody has said anything, good or bad. */
  | { readonly kind: 'unanswered'; readonly why: string };

const HARMLESS = new Set(['info', 'low']);

export function auditVerdict(printed: string): AuditVerdict {
  let report: Report;
  try {
    report = JSON.parse(printed) as Report;
  } catch {
    return { kind: 'unanswered', why: 'npm printed no report' };
  }
  if (report.metadata?.vulnerabilities === undefined) {
    return { kind: 'unanswered', why: report.message ?? 'npm printed no counts' };
  }
  const packages = Object.entries(report.vulnerabilities ?? {})
    .filter(([, { severity }]) => !HARMLESS.has(severity))
    .map(([name, { severity }]) => `${name} (${severity})`);
  return packages.length === 0 ? { kind: 'clean' } : { kind: 'vulnerable', packages };
}
