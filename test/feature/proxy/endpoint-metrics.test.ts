import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { ProxyProcess } from '../../support/process/proxy-process.ts';

let proxy: ProxyProcess | undefined;
const servers: Server[] = [];

afterEach(async () => {
  await proxy?.close();
  for (const server of servers.splice(0)) server.close();
});

async function backend(status: number): Promise<number> {
  const server = createServer((_, response) => response.writeHead(status).end());
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

it('metrics say of each endpoint what it was asked, how often it failed, and what it has now, over all workers', async () => {
  const [good, bad] = [await backend(200), await backend(503)];
  const [port, closed] = await freePorts(2);
  const endpoints = [good, bad, closed].map((each) => `{address: 127.0.0.1, port: ${each}}`).join(', ');
  proxy = await ProxyProcess.start({
    manifests: `apiVersion: evenkeel.dev/v1alpha1
kind: LoadBalancerPool
metadata: {name: shop}
spec:
  listeners: [{name: web, protocol: HTTP, port: ${port}}]
  backends: [{name: v1, type: Static, static: {endpoints: [${endpoints}]}}]
  defaultBackendRefs: [{name: v1}]
  healthCheck: {passive: {mode: Disabled}}
`,
  });
  const answers = { 200: 0, 503: 0 };
  for (let i = 0; i < 20; i++) {
    const { status } = await fetch(`http://127.0.0.1:${port}/`);
    answers[status as 200 | 503] += 1;
  }
  expect(answers[200] + answers[503]).toBe(20);
  const sample = (page: string, metric: string, to: number | undefined): number | undefined => {
    const line = `${metric}{pool="default/shop",backend="v1",endpoint="127.0.0.1:${to}"} `;
    const found = page.split('\n').find((each) => each.startsWith(line));
    return found === undefined ? undefined : Number(found.slice(line.length));
  };
  const page = await eventually('nothing is in flight any more', async () => {
    const text = await (await proxy!.fetch('/metrics')).text();
    const isIdle = [good, bad, closed].every((to) => sample(text, 'evenkeel_endpoint_in_flight', to) === 0);
    return isIdle ? text : undefined;
  });
  const counts = (to: number | undefined) => [
    sample(page, 'evenkeel_endpoint_attempts_total', to),
    sample(page, 'evenkeel_endpoint_failed_attempts_total', to),
  ];
  expect(counts(good)).toEqual([answers[200], 0]);
  expect(counts(bad)).toEqual([answers[503], answers[503]]);
  const [attempts, failed] = counts(closed);
  expect(attempts).toBeGreaterThanOrEqual(1);
  expect(failed).toBe(attempts);
  expect(page).toMatch(/^evenkeel_endpoints_without_series 0$/m);
});
