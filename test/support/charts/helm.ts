import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';
import { parseAllDocuments } from 'yaml';

/** An object of a rendered chart, as far as tests look at it. */
export interface Manifest {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

const folders = [process.env['KUBEBUILDER_ASSETS'] ?? '', ...(process.env['PATH'] ?? '').split(delimiter)];
const helm = folders.map((folder) => join(folder, 'helm')).find((file) => existsSync(file));

if (helm === undefined) {
  process.stderr.write(
    '\nSKIPPED: tests of the Helm chart; there is no helm in PATH or KUBEBUILDER_ASSETS\n\n',
  );
}

/** A suite that needs helm; without it it is skipped, and counted as skipped. */
export const describeChart = helm === undefined ? describe.skip : describe;

/** The text of `helm template`. */
export function render(...settings: readonly string[]): string {
  const args = ['template', 'evenkeel', 'charts/evenkeel', '--namespace', 'lb', '--kube-version', '1.35.0'];
  return runHelm([...args, ...settings.flatMap((setting) => ['--set-json', setting])]);
}

export function runHelm(args: readonly string[]): string {
  return execFileSync(helm!, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export function objects(rendered: string): Manifest[] {
  return parseAllDocuments(rendered).flatMap((document) => {
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}
