import { once } from 'node:events';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Controller } from '../../../controller/main.ts';
import { systemClock, systemRng } from '../../../lib/clock.ts';
import { Proxy } from '../../../proxy/proxy.ts';
import type { ProxySync } from '../../../proxy/sync/sync.ts';
import { quiet, type ControlPlane } from './control-plane.ts';

/** A check of `namedBackend` that decides within a second. */
export const QUICK_CHECK = {
  type: 'HTTP',
  interval: '200ms',
  unhealthyInterval: '100ms',
  timeout: '100ms',
  healthyThreshold: 1,
  unhealthyThreshold: 2,
  http: { path: '/healthz' },
};

/** The API server takes no loopback address in a slice. */
export const OWN_ADDRESS =
  Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address ?? '';

const PROXY_ADDRESSES = ['127.0.0.1', '127.0.0.2'];

export interface NamedBackend {
  readonly name: string;
  readonly port: number;
  readonly server: Server;
  readonly health: { status: number };
}

/** Answers with its name; its health is what the test says. */
export async function namedBackend(plane: ControlPlane, name: string): Promise<NamedBackend> {
  const health = { status: 200 };
  const server = createServer((req, res) => {
    res.statusCode = req.url === '/healthz' ? health.status : 200;
    req.resume();
    req.on('end', () => res.end(name));
  });
  server.listen(0, OWN_ADDRESS);
  await once(server, 'listening');
  plane.ends.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { name, port: (server.address() as AddressInfo).port, server, health };
}

export interface ServingProxy {
  readonly proxy: Proxy;
  readonly sync: ProxySync;
}

/** Two proxies that forward, each on an address of its own. */
export function servingProxies(
  plane: ControlPlane,
  controllers: readonly Pick<Controller, 'grpcPort'>[],
): Promise<ServingProxy[]> {
  return Promise.all(
    PROXY_ADDRESSES.map(async (bindAddress, i) => {
      const proxy = await Proxy.start({
        bindAddress,
        workers: 1,
        clock: systemClock,
        rng: systemRng,
        log: quiet,
        accessLog: false,
        maxConnections: 1_000,
      });
      plane.ends.push(() => proxy.close());
      return { proxy, sync: await plane.sync(`proxy-${i}`, controllers, proxy) };
    }),
  );
}

export interface Traffic {
  /** Answered well so far. */
  readonly ok: number;
  /** One line for each request that was not. */
  readonly failed: readonly string[];
  /** Who has answered since this was asked last. */
  answeredBy(): string;
  stop(): Promise<void>;
}

/** GETs and POSTs over kept connections to both proxies, without a pause and without a second try. */
export function startTraffic(port: number): Traffic {
  const agent = new Agent({ keepAlive: true });
  const failed: string[] = [];
  let names = new Set<string>();
  let ok = 0;
  const end = new AbortController();
  const loop = async (host: string, method: 'GET' | 'POST'): Promise<void> => {
    while (!end.signal.aborted) {
      const answer = await ask(agent, host, port, method);
      if (typeof answer === 'string') failed.push(`${method} to ${host}: ${answer}`);
      else {
        ok += 1;
        names.add(answer.name);
      }
      await delay(2);
    }
  };
  const loops = PROXY_ADDRESSES.flatMap((host) => [loop(host, 'GET'), loop(host, 'POST')]);
  return {
    get ok() {
      return ok;
    },
    failed,
    answeredBy() {
      const answered = [...names].toSorted().join();
      names = new Set();
      return answered;
    },
    async stop() {
      end.abort();
      await Promise.all(loops);
      agent.destroy();
    },
  };
}

function ask(agent: Agent, host: string, port: number, method: string): Promise<{ name: string } | string> {
  return new Promise((resolve) => {
    const sent = request({ host, port, method, path: '/', agent }, (res) => {
      let name = '';
      res.on('data', (chunk: Buffer) => (name += chunk.toString()));
      res.on('end', () => resolve(res.statusCode === 200 ? { name } : `HTTP ${res.statusCode}: ${name}`));
      res.on('error', (error) => resolve(error.message));
    });
    sent.on('error', (error) => resolve(error.message));
    sent.end(method === 'POST' ? 'body' : undefined);
  });
}
