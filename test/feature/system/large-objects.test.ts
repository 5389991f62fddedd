import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKubeClient, type KubeClient } from '../../../controller/kube/client.ts';
import { listAll } from '../../../controller/kube/list.ts';
import { CONFIG_MAPS, resourcePath } from '../../../controller/kube/objects.ts';
import { configFor } from '../../support/kube/config.ts';

const MIB = 1024 * 1024;

/** An API server with as many objects as a test says, each as large as may be. */
describe('a list of objects as large as they may be', () => {
  let server: Server;
  let client: KubeClient;
  let largestPage: number;
  let count: number;
  let bytes: number;

  beforeEach(async () => {
    largestPage = 0;
    server = createServer((request, response) => {
      const { searchParams } = new URL(request.url!, 'http://localhost');
      const from = Number(searchParams.get('continue') ?? 0);
      const until = Math.min(count, from + Number(searchParams.get('limit')));
      const text = 'x'.repeat(bytes);
      const items = Array.from({ length: until - from }, (_, i) => ({
        metadata: { name: `m-${from + i}` },
        data: { text },
      }));
      const more = until < count ? { continue: String(until) } : {};
      response.on('finish', () => (largestPage = Math.max(largestPage, until - from)));
      response.end(JSON.stringify({ metadata: { resourceVersion: '7', ...more }, items }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = createKubeClient(configFor({ url, ca: '' } as Parameters<typeof configFor>[0], 't'));
  });

  afterEach(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });

  const names = async (): Promise<string[]> => {
    const trim = ({ metadata }: { metadata: { name: string } }): string => metadata.name;
    return (await listAll(client, resourcePath(CONFIG_MAPS, 'shop'), { trim })).items;
  };

  it('is asked for in pages that fit, and misses none', async () => {
    // I07
    [count, bytes] = [70, MIB];
    expect(await names()).toEqual(Array.from({ length: 70 }, (_, i) => `m-${i}`));
    expect(largestPage).toBeLessThan(16);
  });

  it('fails when a single one is larger than any object can be', async () => {
    // I07
    [count, bytes] = [2, 17 * MIB];
    await expect(names()).rejects.toThrow('more than');
  });
});
