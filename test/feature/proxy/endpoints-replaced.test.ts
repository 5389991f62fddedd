import { Agent, createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint, PoolSnapshot } from '../../../api/snapshot.ts';
import type { Proxy } from '../../../proxy/proxy.ts';
import { endpoint, listener, poolConfig, poolSnapshot } from '../../support/builders.ts';
import { startWholeProxy } from '../../support/whole-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';

const CLIENTS = 8;
const ROUNDS = 40;

describe('endpoints that are replaced under load', () => {
  const backends: Server[] = [];
  let backendPorts: number[];
  let port: number;
  let proxy: Proxy;

  beforeEach(async () => {
    for (const name of ['one', 'other']) {
      const backend = createServer((_request, response) => response.end(name));
      await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
      backends.push(backend);
    }
    backendPorts = backends.map((backend) => (backend.address() as AddressInfo).port);
    [port] = (await freePorts(1)) as [number];
    proxy = await startWholeProxy();
  });

  afterEach(async () => {
    await proxy.close();
    for (const backend of backends.splice(0)) {
      backend.closeAllConnections();
      await new Promise((resolve) => backend.close(resolve));
    }
  });

  function pool(round: number, endpoints: readonly Endpoint[]): PoolSnapshot {
    return poolSnapshot({
      digest: `sha256:${round}`,
      config: poolConfig({ listeners: [listener({ protocol: 'HTTP', port })] }),
      endpoints: { v1: endpoints },
    });
  }

  /** Requests, one after the other, until told to stop; counts the answers by status. */
  async function ask(answers: Map<number, number>, stop: AbortSignal): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!stop.aborted) {
      const status = await new Promise<number>((resolve, reject) => {
        get({ port, host: '127.0.0.1', agent }, (response) => {
          response.resume().once('end', () => resolve(response.statusCode!));
        }).once('error', reject);
      });
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
    agent.destroy();
  }

  /** Each round has a new pod, on one of two addresses. */
  function pod(round: number, condition: Endpoint['condition'] = 'Ready'): Endpoint {
    return endpoint({ port: backendPorts[round % 2]!, targetUid: `pod-${round}`, condition });
  }

  // K01
  it.each([
    ['go', (round: number) => [pod(round)]],
    ['terminate', (round: number) => [pod(round), pod(round - 1, 'Terminating')]],
  ])('%s as others come, and no client notices', async (_how, endpoints) => {
    await proxy.apply({ upsert: [pool(0, endpoints(0))], remove: [] });
    const answers = new Map<number, number>();
    const answered = (): number => [...answers.values()].reduce((sum, count) => sum + count, 0);
    const over = new AbortController();
    const clients = Array.from({ length: CLIENTS }, () => ask(answers, over.signal));
    for (let round = 1; round <= ROUNDS; round++) {
      const enough = answered() + 2 * CLIENTS;
      await eventually('clients go on', () => answered() >= enough);
      await proxy.apply({ upsert: [pool(round, endpoints(round))], remove: [] });
    }
    over.abort();
    await Promise.all(clients);
    expect([...answers.keys()]).toEqual([200]);
  });
});
