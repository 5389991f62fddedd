import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** TypeScript for the control stream's messages. buf and its plugin come from npm: no protoc, no network. */
export async function controlMessages(): Promise<string> {
  const out = await mkdtemp(join(tmpdir(), 'evenkeel-generate-'));
  execFileSync('buf', ['generate', '--output', out], { stdio: 'inherit' });
  const content = await readFile(join(out, 'api/control_pb.ts'), 'utf8');
  await rm(out, { recursive: true });
  return content;
}
