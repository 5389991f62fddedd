import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseAddress, serveAdmin, type AdminServer } from '../../../lib/admin-server.ts';
import { statusPageRoutes } from '../../../lib/status-page/routes.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { ProxyProcess } from '../../support/process/proxy-process.ts';
import { CHROMIUM, startBrowser } from '../../support/status-page/browser.ts';
import {
  madeUpProxy,
  madeUpStatus,
  madeUpTraffic,
  type MadeUpPool,
  type MadeUpStatus,
} from '../../support/status-page/made-up-status.ts';
import { TcpBackend } from '../../support/tcp-backend.ts';

if (CHROMIUM === undefined) {
  process.stderr.write(
    '\nNO CHROMIUM ON THIS MACHINE: the tests of the status page are SKIPPED (scripts/install-chromium)\n\n',
  );
}

function healthy(name: string, count = 3): MadeUpPool {
  return { name, states: Array.from({ length: count }, () => 'Healthy') };
}

function failing(name: string, count = 3): MadeUpPool {
  const states = Array.from({ length: count }, () => 'Unhealthy' as const);
  return { name, states, trouble: 'NoneHealthy', message: 'connect ECONNREFUSED' };
}

const MIXED: MadeUpStatus = {
  pools: [
    healthy('calm'),
    failing('burning'),
    { ...healthy('leaving'), states: ['Healthy', 'Draining', 'Excluded'] },
  ],
  proxies: [
    madeUpProxy('proxy-a'),
    madeUpProxy('proxy-b', { applied: 9, behind: ['shop/burning'] }),
    madeUpProxy('proxy-c', { connected: false }),
  ],
  faults: ['pools.yaml:5:9: spec.listeners[0].port: must be at most 65535'],
  traffic: madeUpTraffic(['calm', 'burning', 'leaving']),
};

describe.skipIf(CHROMIUM === undefined)('the status page', () => {
  let browser: Browser;
  let server: AdminServer | undefined;
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    await server?.close();
    server = undefined;
    complaints.length = 0;
  });

  /** A page on a process with this status, which the test may change. */
  const open = async (
    status: { now: MadeUpStatus },
    { path = '', ...options }: BrowserContextOptions & { path?: string } = {},
  ): Promise<Page> => {
    server = await serveAdmin('127.0.0.1:0', statusPageRoutes(madeUpStatus(status)));
    return visit(`http://${server.address}/${path}`, options);
  };
  const visit = async (url: string, options: BrowserContextOptions = {}): Promise<Page> => {
    const page = await (await browser.newContext(options)).newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(url);
    await page.locator('main h1').waitFor({ state: 'attached' });
    return page;
  };
  const rows = (page: Page, title: string) =>
    page
      .getByRole('region', { name: title, exact: true })
      .getByRole('row')
      .filter({ has: page.getByRole('rowheader') });

  it('shows pools, endpoints with state and reason, proxies and rates, those in trouble first', async () => {
    const page = await open({ now: MIXED });
    expect(await rows(page, 'Pools').getByRole('rowheader').allInnerTexts()).toEqual([
      'shop/burning',
      'shop/calm',
      'shop/leaving',
    ]);
    expect(await rows(page, 'Pools').first().innerText()).toMatch(/none healthy[\s\S]*0\/3/);
    expect(await rows(page, 'Endpoints').first().innerText()).toMatch(
      /Unhealthy\s+ConnectRefused\s+connect ECONNREFUSED/,
    );
    expect(await rows(page, 'Endpoints').count()).toBe(5);
    expect(await rows(page, 'Proxies').nth(0).innerText()).toMatch(
      /proxy-b\s+connected\s+9\/10\s+shop\/burning/,
    );
    expect(await rows(page, 'Proxies').nth(1).innerText()).toMatch(/proxy-c\s+away/);
    expect(
      await page.getByRole('img', { name: /^Requests per second over ten minutes: now \d/ }).count(),
    ).toBe(4);
    expect(await page.getByText('pools.yaml:5:9').count()).toBe(1);
    expect(await page.title()).toBe('1 pool in trouble – Evenkeel');
    expect(complaints).toEqual([]);
  });

  it('shows one pool: conditions, backends, what each proxy has applied, endpoints', async () => {
    const page = await open({ now: MIXED });
    await page.getByRole('link', { name: 'shop/burning' }).first().click();
    await page.getByRole('heading', { name: 'shop/burning', level: 1 }).waitFor();
    expect(await rows(page, 'Conditions').filter({ hasText: 'Available' }).innerText()).toMatch(
      /False.*\s+NoneHealthy\s+connect ECONNREFUSED\s+95s/,
    );
    expect(await rows(page, 'Backends').innerText()).toMatch(/v1\s+0\/3\s+100 %/);
    expect(await rows(page, 'Proxies').first().innerText()).toMatch(
      /proxy-a\s+connected\s+0123456789ab\s+yes/,
    );
    expect(await rows(page, 'Endpoints').count()).toBe(3);
    await page.getByRole('link', { name: 'All pools', exact: false }).first().click();
    await page.getByRole('region', { name: 'Pools' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('is live: it follows what changes, keeps the place of the keyboard, and says politely what is new', async () => {
    const status = { now: { pools: [healthy('checkout')] } as MadeUpStatus };
    const page = await open(status);
    const search = page.getByRole('searchbox', { name: 'Search Pools' });
    await search.focus();
    status.now = { pools: [failing('checkout')] };
    await page.getByText('none healthy').waitFor();
    expect(await page.locator('[aria-live=polite]').allInnerTexts()).toContain('1 pool needs attention.');
    expect(await search.evaluate((input) => input === document.activeElement)).toBe(true);
    status.now = { pools: [] };
    await page.getByText('There is no pool yet').waitFor();
  });

  it('says that nothing answers any more, and goes on when somebody does', async () => {
    const status = { now: MIXED };
    const page = await open(status);
    const { address } = server!;
    await server!.close();
    await page.getByText('No answer, trying again').waitFor();
    const { port } = parseAddress(address);
    server = await serveAdmin(`127.0.0.1:${port}`, statusPageRoutes(madeUpStatus(status)));
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
  });

  it('asks nothing while it is paused', async () => {
    const status = { now: { pools: [healthy('checkout')] } as MadeUpStatus };
    const page = await open(status);
    await page.clock.install();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('status').filter({ hasText: 'Paused' }).waitFor();
    status.now = { pools: [failing('checkout')] };
    let asked = 0;
    page.on('request', () => (asked += 1));
    await page.clock.runFor(60_000);
    expect(asked).toBe(0);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('none healthy').waitFor();
  });

  it('stays usable with a hundred pools and a thousand endpoints', async () => {
    const states = Array.from(
      { length: 1_000 },
      (_, index) => (index === 997 ? 'Unhealthy' : 'Healthy') as 'Healthy',
    );
    const pools = Array.from({ length: 99 }, (_, index) => healthy(`pool-${index}`));
    const page = await open({
      now: { pools: [...pools, { ...healthy('large'), states, trouble: 'EndpointsUnhealthy' }] },
    });
    expect(await rows(page, 'Pools').count()).toBe(50);
    expect(await rows(page, 'Pools').first().innerText()).toContain('shop/large');
    const parts = page.getByRole('navigation', { name: 'Parts of Pools' });
    expect(await parts.innerText()).toContain('1–50 of 100');
    await parts.getByRole('button', { name: 'Next' }).click();
    await parts.getByText('51–100 of 100').waitFor();
    await page.getByRole('searchbox', { name: 'Search Pools' }).fill('POOL-42');
    await eventually('one pool is left', async () => (await rows(page, 'Pools').count()) === 1);
    expect(await rows(page, 'Endpoints').allInnerTexts()).toEqual([
      expect.stringContaining('10.1.3.229:8080'),
    ]);
    await page.getByRole('combobox', { name: 'Which Endpoints' }).selectOption('Healthy');
    await page.getByText(/1–50 of 1,296/).waitFor();
    await page.getByRole('searchbox', { name: 'Search Endpoints' }).fill('large-6d9f-12 ');
    await eventually('few are left', async () => (await rows(page, 'Endpoints').count()) === 11);
    expect(complaints).toEqual([]);
  });

  // CVE-2026-73546, J05
  it('shows names, reasons and messages as text, whatever is in them', async () => {
    const markup =
      '<img src=x onerror="document.title=`owned`"></script><script>document.title="owned"</script>&lt;b&gt;';
    const evil = {
      name: markup,
      states: ['Unhealthy'] as const,
      trouble: markup,
      message: markup,
      reason: markup,
    };
    const page = await open({
      now: {
        pools: [evil],
        faults: [markup],
        proxies: [madeUpProxy(markup, { version: markup, behind: [markup] })],
      },
    });
    expect(await page.locator('main').innerText()).toContain(markup);
    expect(await rows(page, 'Endpoints').first().innerText()).toContain(markup);
    await page
      .getByRole('link', { name: `shop/${markup}` })
      .first()
      .click();
    await page.getByRole('heading', { level: 1, name: `shop/${markup}` }).waitFor();
    expect(await page.locator('main img, main script, main b').count()).toBe(0);
    expect(await page.title()).toContain('onerror');
    expect(complaints).toEqual([]);
  });

  // J09
  it('lets the browser run and load nothing but itself, and changes nothing', async () => {
    const page = await open({ now: MIXED });
    const methods = new Set<string>();
    const origins = new Set<string>();
    page.on('request', (request) => {
      methods.add(request.method());
      origins.add(new URL(request.url()).origin);
    });
    await eventually('it has asked again', () => methods.size > 0);
    expect([...methods]).toEqual(['GET']);
    expect([...origins]).toEqual([`http://${server!.address}`]);
    const injected = await page.evaluate(() => {
      const script = document.createElement('script');
      script.append('document.title = "owned"');
      try {
        document.body.append(script);
        document.body.innerHTML = '<b>owned</b>';
        return 'markup was taken';
      } catch {
        return document.title;
      }
    });
    expect(injected).toBe('1 pool in trouble – Evenkeel');
    const { headers } = await fetch(`http://${server!.address}/`);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'/,
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('is worked with the keyboard alone', async () => {
    const page = await open({ now: MIXED });
    const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    for (let tabs = 0; tabs < 20 && (await focused()) !== 'shop/burning'; tabs++)
      await page.keyboard.press('Tab');
    const outline = () => page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
    expect(await outline()).toBe('solid');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'shop/burning', level: 1 }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
  });

  const views: readonly (readonly [string, MadeUpStatus, string])[] = [
    ['nothing', { pools: [] }, ''],
    ['much', MIXED, ''],
    ['one pool', MIXED, '#/pools/shop/burning'],
  ];
  const looks = [
    { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
    { colorScheme: 'dark', viewport: { width: 390, height: 900 } },
  ] as const;
  it.each(
    views.flatMap(([name, status, path]) =>
      looks.map((look) => [name, look.colorScheme, { status, path, look }] as const),
    ),
  )('has no accessibility fault with %s, %s', async (_, __, { status, path, look }) => {
    // The check is a script of ours, which the page's policy would refuse.
    const page = await open({ now: status }, { ...look, path, bypassCSP: true, reducedMotion: 'reduce' });
    await page.evaluate(axe.source);
    const violations = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      return (await axe.run()).violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
    });
    expect(violations).toEqual([]);
  });

  it('keeps still for who wants no motion', async () => {
    const page = await open({ now: MIXED }, { reducedMotion: 'reduce' });
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  });

  it.each([320, 390, 768, 1920])('needs no scrolling sideways at %i pixels', async (width) => {
    const page = await open({ now: MIXED }, { viewport: { width, height: 800 } });
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(await overflow()).toBeLessThanOrEqual(0);
    await page.getByRole('link', { name: 'shop/burning' }).first().click();
    await page.getByRole('heading', { name: 'shop/burning', level: 1 }).waitFor();
    expect(await overflow()).toBeLessThanOrEqual(0);
  });

  it('is served by evenkeel run, and shows an endpoint go down and come back', async () => {
    const [port, backendPort] = await freePorts(2);
    const proxy = await ProxyProcess.start({
      workers: 1,
      manifests: `apiVersion: evenkeel.dev/v1alpha1
kind: LoadBalancerPool
metadata: {name: shop}
spec:
  listeners: [{name: web, protocol: TCP, port: ${port}}]
  backends: [{name: v1, type: Static, static: {endpoints: [{address: 127.0.0.1, port: ${backendPort}}]}}]
  defaultBackendRefs: [{name: v1}]
  healthCheck: {active: {type: TCP, interval: 200ms, unhealthyInterval: 200ms, timeout: 100ms, healthyThreshold: 1, unhealthyThreshold: 1}}
`,
    });
    try {
      const page = await visit(`http://${proxy.admin}/`);
      const endpoint = rows(page, 'Endpoints').filter({ hasText: `127.0.0.1:${backendPort}` });
      await endpoint.filter({ hasText: 'ConnectRefused' }).waitFor();
      const backend = await TcpBackend.listen((socket) => socket.end(), { port: backendPort! });
      await page.getByText('No endpoint is in trouble.').waitFor();
      await backend.close();
      await endpoint.filter({ hasText: 'ConnectRefused' }).waitFor();
      expect(complaints).toEqual([]);
    } finally {
      await proxy.close();
    }
  });
});
