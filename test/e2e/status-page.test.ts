import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProgram, type RunningCommand } from '../support/command.ts';
import { eventually } from '../support/eventually.ts';
import { CHROMIUM, startBrowser } from '../support/status-page/browser.ts';
import { apply, get, kubectl, newNamespace } from './support/commands.ts';
import { NAMESPACE, RELEASE } from './support/installation.ts';
import { shop } from './support/shop.ts';

const HERE = 'status-page';
const PORT = 8084;

interface Pods {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

describe.skipIf(CHROMIUM === undefined)('the status page of a controller', () => {
  let browser: Browser;
  let forward: RunningCommand;
  let page: Page;

  beforeAll(async () => {
    await newNamespace(HERE);
    await apply(HERE, shop({ port: PORT }));
    await kubectl('-n', HERE, 'rollout', 'status', 'deployment/shop', '--timeout', '120s');
    await kubectl('-n', HERE, 'wait', 'lbp/shop', '--for=condition=Programmed', '--timeout=60s');
    forward = startProgram(
      'kubectl',
      ['-n', NAMESPACE, 'port-forward', `deployment/${RELEASE}-controller`, ':9901'],
      { env: { KUBECONFIG: process.env['KUBECONFIG'] ?? '' } },
    );
    const [, port] = await forward.says(/127\.0\.0\.1:(\d+)/);
    browser = await startBrowser();
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
  });
  afterAll(async () => {
    await browser.close();
    forward.child.kill();
    await kubectl('delete', 'namespace', HERE);
  });

  const rows = (title: string) =>
    page
      .getByRole('region', { name: title, exact: true })
      .getByRole('row')
      .filter({ has: page.getByRole('rowheader') });

  it('shows pools, proxies with what they have applied, and why an endpoint is out', async () => {
    const [pod] = (await get<Pods>('-n', HERE, 'pods')).items;
    const { name } = pod!.metadata;
    await kubectl('get', '--raw', `/api/v1/namespaces/${HERE}/pods/${name}:8080/proxy/unready`);
    await rows('Endpoints').filter({ hasText: 'NotReady' }).waitFor();
    expect(await rows('Endpoints').filter({ hasText: 'NotReady' }).innerText()).toContain(name);
    expect(
      await rows('Pools')
        .filter({ hasText: `${HERE}/shop` })
        .innerText(),
    ).toContain('2/3');

    const proxies = await get<Pods>('-n', NAMESPACE, 'pods', '-l', 'app.kubernetes.io/component=proxy');
    const names = proxies.items.map(({ metadata }) => metadata.name).toSorted();
    expect((await rows('Proxies').getByRole('rowheader').allInnerTexts()).toSorted()).toEqual(names);

    await page
      .getByRole('link', { name: `${HERE}/shop` })
      .first()
      .click();
    await page.getByRole('heading', { level: 1, name: `${HERE}/shop` }).waitFor();
    const { status } = await get<{ status: { config: { digest: string } } }>('-n', HERE, 'lbp', 'shop');
    const digest = status.config.digest.replace('sha256:', '').slice(0, 12);
    await eventually('every proxy has applied it', async () => {
      const texts = await rows('Proxies').allInnerTexts();
      return texts.length === names.length && texts.every((text) => text.includes(digest));
    });
    await kubectl('get', '--raw', `/api/v1/namespaces/${HERE}/pods/${name}:8080/proxy/ready`);
    await rows('Endpoints').filter({ hasText: 'NotReady' }).waitFor({ state: 'detached' });
  });
});
