import { readFile } from 'node:fs/promises';

const POLICY = 'helm.sh/resource-policy: keep';

/**
 * The CRD as a template of the chart: Helm never upgrades what is in a chart's `crds/` folder. It stays when the
 * release goes, and all pools with it.
 */
export async function chartCrd(path: string): Promise<string> {
  const crd = await readFile(path, 'utf8');
  const withPolicy = crd.replace(/^metadata:\n/m, `metadata:\n  annotations:\n    ${POLICY}\n`);
  if (withPolicy === crd) throw new Error(`${path}: no metadata to annotate`);
  // Template syntax in descriptions or rules would be taken for Helm's.
  const escaped = withPolicy.replaceAll('{{', '{{ "{{" }}');
  return `{{- if .Values.crds.install }}\n# Made from ${path} by make generate.\n${escaped}{{- end }}\n`;
}
