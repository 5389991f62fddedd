/** charts/evenkeel/README.md: every value of the chart, from the comments in values.yaml. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { banner, table } from './markdown.ts';

interface Value {
  readonly path: string;
  readonly description: string;
}

export async function chartReadme(chart: string): Promise<string> {
  const { name, description, version, kubeVersion } = parse(
    await readFile(`${chart}/Chart.yaml`, 'utf8'),
  ) as {
    name: string;
    description: string;
    version: string;
    kubeVersion: string;
  };
  const text = await readFile(`${chart}/values.yaml`, 'utf8');
  const defaults: unknown = parse(text);
  const rows = describedValues(text).map(({ path, description: says }) => [
    `\`${path}\``,
    `\`${JSON.stringify(valueAt(defaults, path))}\``,
    says,
  ]);
  return `${banner(`${chart}/values.yaml`)}
# The chart \`${name}\`

${description}. Version ${version}, for Kubernetes ${kubeVersion.replace('-0', '')}.

\`\`\`sh
helm install evenkeel charts/evenkeel --namespace evenkeel --create-namespace --wait
\`\`\`

[Installing on a cluster](../../docs/install.md) says what is installed and what comes next, [Operating it](../../docs/operations.md) how to upgrade, and what that costs.
A value that does not exist, or has no such form, is refused: [values.schema.json](values.schema.json).

## Values

${table(['value', 'default', 'means'], rows)}`;
}

/** Values with a `# --` comment above them, in the file's order. @throws Error for a value without one */
function describedValues(text: string): Value[] {
  const found: Value[] = [];
  const parents: { indent: number; path: string; described: boolean }[] = [];
  let description: string[] = [];
  for (const line of text.split('\n')) {
    const comment = /^ *# ?(-- )?(.*)$/.exec(line);
    if (comment !== null) {
      if (comment[1] !== undefined) description = [comment[2]!];
      else if (description.length > 0) description.push(comment[2]!);
      continue;
    }
    const [, spaces, key, value] = /^( *)([A-Za-z]+):(.*)$/.exec(line) ?? [];
    if (spaces === undefined || key === undefined) continue;
    const indent = spaces.length;
    while ((parents.at(-1)?.indent ?? -1) >= indent) parents.pop();
    const parent = parents.at(-1);
    const path = parent === undefined ? key : `${parent.path}.${key}`;
    const described = description.length > 0;
    const inner = parent?.described === true; // its parent is described as a whole
    if (described) found.push({ path, description: description.join(' ') });
    else if (!inner && value !== '') throw new Error(`values.yaml: ${path} has no comment`);
    parents.push({ indent, path, described: described || inner });
    description = [];
  }
  return found;
}

function valueAt(values: unknown, path: string): unknown {
  let at = values;
  for (const name of path.split('.')) at = (at as Record<string, unknown>)[name];
  return at;
}
