import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { apply, get, helm, kubectl, newNamespace } from './support/commands.ts';
import { NAMESPACE, RELEASE } from './support/installation.ts';
import { shop } from './support/shop.ts';
import { wayIn } from './support/way-in.ts';

const HERE = 'first-pool';

interface Pods {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

describe('the first pool on a cluster', () => {
  beforeAll(async () => {
    await newNamespace(HERE);
    await apply(HERE, shop({ port: 80 }));
  });
  afterAll(() => kubectl('delete', 'namespace', HERE));

  it('serves through the Service, and says so', async () => {
    await kubectl('-n', HERE, 'rollout', 'status', 'deployment/shop', '--timeout', '120s');
    await kubectl('-n', HERE, 'wait', 'lbp/shop', '--for=condition=Programmed', '--timeout=120s');
    await kubectl('-n', HERE, 'wait', 'lbp/shop', '--for=condition=Available', '--timeout=60s');
    await kubectl(
      '-n',
      HERE,
      'wait',
      'lbp/shop',
      '--for=jsonpath={.status.summary.healthyText}=3/3',
      '--timeout=60s',
    );
    const table = await kubectl('-n', HERE, 'get', 'lbp', 'shop', '--output', 'wide');
    const [header, row] = table
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
    const columns = Object.fromEntries(header!.map((name, index) => [name, row![index]]));
    expect(columns).toMatchObject({
      ALGORITHM: 'RoundRobin',
      ACCEPTED: 'True',
      PROGRAMMED: 'True',
      AVAILABLE: 'True',
      HEALTHY: '3/3',
      PROXIES: '2/2',
    });
  });

  it('is reached on every node, and every pod gets its share', async () => {
    const urls = await wayIn(80);
    expect(urls.length).toBeGreaterThan(0);
    const pods = (await get<Pods>('-n', HERE, 'pods')).items.map(({ metadata }) => metadata.name);
    for (const url of urls) {
      const served = new Set<string>();
      await eventually('every pod has answered', async () => {
        const answer = await fetch(url, { headers: { connection: 'close' } });
        expect(answer.status).toBe(200);
        served.add(await answer.text());
        return served.size === 3;
      });
      expect([...served].toSorted()).toEqual(pods.toSorted());
    }
  });

  it('knows where clients come in', async () => {
    const { spec } = await get<{ spec: { clusterIP: string } }>('-n', NAMESPACE, 'service', RELEASE);
    const { status } = await get<{ status: { addresses: unknown } }>('-n', HERE, 'lbp', 'shop');
    expect(status.addresses).toEqual([{ type: 'IPAddress', value: spec.clusterIP }]);
  });

  it('passes helm test', async () => {
    expect(await helm('test', RELEASE, '--namespace', NAMESPACE, '--timeout', '90s')).toContain('Succeeded');
  });

  it('gives its port back when it goes', async () => {
    await kubectl('-n', HERE, 'delete', 'lbp', 'shop');
    await eventually('the Service has the status port alone', async () => (await wayIn(80)).length === 0);
    expect(await wayIn(9903)).not.toEqual([]);
  });
});
