/** The status page in one file, its style and its script inside, and the policy that lets a browser run just these. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { build } from 'esbuild';

export async function statusPage(folder: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${folder}/main.ts`],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    minify: true,
    charset: 'utf8',
    tsconfigRaw: {},
  });
  const { outputFiles: styles } = await build({
    entryPoints: [`${folder}/page.css`],
    write: false,
    minify: true,
    charset: 'utf8',
  });
  // A closing tag inside would end the element; both sources have none.
  const script = outputFiles[0]!.text.trim();
  const style = styles[0]!.text.trim();
  if (/<\/(script|style)/i.test(script + style))
    throw new Error('the status page would close its own element');
  const html = (await readFile(`${folder}/page.html`, 'utf8'))
    .replace(/<style>[^<]*<\/style>/, () => `<style>${style}</style>`)
    .replace(/<script type="module">[^<]*<\/script>/, () => `<script type="module">${script}</script>`);
  const policy = [
    "default-src 'none'",
    `script-src '${hash(script)}'`,
    `style-src '${hash(style)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types',
  ].join('; ');
  return `// Generated from page/ by \`make generate\`; edit that instead.

export const PAGE = ${JSON.stringify(html)};

/** Content-Security-Policy of the page. */
export const PAGE_POLICY = ${JSON.stringify(policy)};
`;
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
