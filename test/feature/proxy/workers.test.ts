import { execFileSync, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PoolSnapshot } from '../../../api/snapshot.ts';
import type { Proxy } from '../../../proxy/proxy.ts';
import { endpoint, listener, poolConfig, poolSnapshot } from '../../support/builders.ts';
import { startWholeProxy } from '../../support/whole-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { injectFault, untilHung } from '../../support/worker-faults.ts';

const WORKER = new URL('../../support/faulty-worker.ts', import.meta.url);
const STUCK_PROXY = new URL('../../support/process/stuck-proxy.ts', import.meta.url).pathname;

/** A FIFO: who reads it is stuck in the kernel. */
function makeFifo(): string {
  const path = join(tmpdir(), `evenkeel-fifo-${randomUUID()}`);
  execFileSync('mkfifo', [path]);
  return path;
}

function release(fifo: string): void {
  closeSync(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK));
  rmSync(fifo);
}

/** The threads of a proxy and its ports, on TCP, where a connection shows at once who serves. */
describe('worker threads', () => {
  let backend: Server;
  let backendPort: number;
  let ports: number[];
  let proxy: Proxy;
  const clients = new Set<Socket>();

  beforeEach(async () => {
    backend = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    backendPort = (backend.address() as AddressInfo).port;
    ports = await freePorts(3);
    proxy = await startWholeProxy({ workerEntry: WORKER });
  });

  afterEach(async () => {
    for (const client of clients) client.destroy();
    clients.clear();
    await proxy.close();
    await new Promise((resolve) => backend.close(resolve));
  });

  function pool(uid: string, port: number, over: Partial<PoolSnapshot> = {}): PoolSnapshot {
    return poolSnapshot({
      uid,
      name: uid,
      digest: `sha256:${uid}`,
      config: poolConfig({ listeners: [listener({ protocol: 'TCP', port })] }),
      endpoints: { v1: [endpoint({ port: backendPort })] },
      ...over,
    });
  }

  const serve = async (...upsert: PoolSnapshot[]): Promise<void> => {
    const outcomes = await proxy.apply({ upsert, remove: [] });
    expect([...outcomes.values()].every(({ ok }) => ok)).toBe(true);
  };

  /** A connection through the proxy that has echoed once. */
  function open(port: number): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const client = connect(port, '127.0.0.1');
      clients.add(client);
      client.on('error', reject);
      client.once('close', () => reject(new Error('closed')));
      client.write('hello');
      client.once('data', () => {
        client.removeAllListeners('error');
        client.on('error', () => client.destroy());
        resolve(client);
      });
    });
  }

  function echo(client: Socket, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      client.once('data', (chunk) => resolve(String(chunk)));
      client.once('close', () => reject(new Error('closed')));
      client.write(text);
    });
  }

  const replaced = async (reason: string): Promise<boolean> =>
    (await proxy.scrape('prometheus')).body.includes(
      `evenkeel_worker_replacements_total{reason="${reason}"} 1`,
    );

  // CATALOGUE K07
  it('adds, changes and removes ports without touching connections on other ports', async () => {
    await serve(pool('a', ports[0]!));
    const kept = await open(ports[0]!);
    await serve(pool('b', ports[1]!));
    const other = await open(ports[1]!);
    await proxy.apply({ upsert: [], remove: ['b'] });
    await expect(open(ports[1]!)).rejects.toThrow(/ECONNREFUSED/);
    expect(await echo(kept, 'still here')).toBe('still here');
    expect(await echo(other, 'begun before')).toBe('begun before');
    await serve(pool('b', ports[1]!));
    expect(await echo(await open(ports[1]!), 'back')).toBe('back');
  });

  // CATALOGUE K07
  it('moves a pool from one port to another', async () => {
    await serve(pool('a', ports[0]!));
    const kept = await open(ports[0]!);
    await serve(pool('a', ports[1]!, { digest: 'sha256:moved' }));
    expect(await echo(await open(ports[1]!), 'moved')).toBe('moved');
    await expect(open(ports[0]!)).rejects.toThrow(/ECONNREFUSED/);
    expect(await echo(kept, 'begun before')).toBe('begun before');
  });

  it('refuses a pool whose port is taken, says which, and goes on with what was there', async () => {
    await serve(pool('a', ports[0]!));
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(ports[2], '127.0.0.1', resolve));
    const outcomes = await proxy.apply({
      upsert: [pool('a', ports[2]!, { digest: 'sha256:moved' }), pool('b', ports[1]!)],
      remove: [],
    });
    expect(outcomes.get('a')).toEqual({
      ok: false,
      errors: [
        {
          path: 'spec.listeners["web"].port',
          message: `tcp 127.0.0.1:${ports[2]}: another process uses it (EADDRINUSE)`,
        },
      ],
    });
    expect(outcomes.get('b')).toEqual({ ok: true });
    expect(await echo(await open(ports[0]!), 'last good')).toBe('last good');
    expect(await echo(await open(ports[1]!), 'the other pool')).toBe('the other pool');
    await new Promise((resolve) => taken.close(resolve));
  });

  // CATALOGUE K06, R4
  it('replaces a worker that dies at once; the others go on and no connection is refused', async () => {
    await serve(pool('a', ports[0]!));
    const before = await Promise.all(Array.from({ length: 32 }, () => open(ports[0]!)));
    injectFault({ row: 0, fault: 'exit' });
    await eventually('the death is counted', () => replaced('crash'));
    await eventually('both workers serve', () => proxy.workers === 2);
    const alive = before.filter((client) => !client.destroyed);
    expect(alive.length).toBeGreaterThan(0);
    for (const client of alive) expect(await echo(client, 'x')).toBe('x');
    await Promise.all(Array.from({ length: 32 }, () => open(ports[0]!)));
  });

  // CATALOGUE F17
  it('replaces a worker that throws, and loses no connection, open or queued', async () => {
    await serve(pool('a', ports[0]!));
    const before = await Promise.all(Array.from({ length: 32 }, () => open(ports[0]!)));
    injectFault({ row: 0, fault: 'throw' });
    let opened = 0;
    await eventually('the throw is counted', async () => {
      await open(ports[0]!);
      opened += 1;
      return replaced('exception');
    });
    expect(opened).toBeGreaterThan(0);
    await eventually('both workers serve', () => proxy.workers === 2);
    for (const client of before) expect(await echo(client, 'x')).toBe('x');
    await Promise.all(Array.from({ length: 32 }, () => open(ports[0]!)));
  });

  // CATALOGUE F17
  it('replaces a worker that throws and dies before it could hand over', async () => {
    await serve(pool('a', ports[0]!));
    injectFault({ row: 0, fault: 'throw-and-exit' });
    await eventually('the throw is counted', () => replaced('exception'));
    await eventually('both workers take connections', async () => {
      await open(ports[0]!);
      const { workers } = await proxy.load();
      return workers.length === 2 && workers.every(({ connections }) => connections > 0);
    });
  });

  // CATALOGUE F14
  it('replaces a worker that hangs, while the others serve', async () => {
    await serve(pool('a', ports[0]!));
    injectFault({ row: 0, fault: 'hang' });
    let [isReplaced, served] = [false, 0];
    const replacing = eventually('the hang is counted', () => replaced('hung')).then(
      () => (isReplaced = true),
    );
    await eventually('the other worker takes whom the kernel gives it', () => {
      void open(ports[0]!).then(
        () => (served += isReplaced ? 0 : 1),
        () => {},
      );
      return served >= 10;
    });
    await replacing;
    await eventually('both workers serve', () => proxy.workers === 2);
    await Promise.all(Array.from({ length: 32 }, () => open(ports[0]!)));
  }, 30_000);

  // CATALOGUE F14
  it('replaces a worker that nothing can end', async () => {
    await serve(pool('a', ports[0]!));
    const fifo = makeFifo();
    injectFault({ row: 0, fault: 'stick', fifo });
    try {
      await eventually('it counts as hung', () => replaced('hung'), 30_000);
      await eventually('both workers serve', () => proxy.workers === 2, 30_000);
      await serve(pool('b', ports[1]!));
      await Promise.all(Array.from({ length: 32 }, () => open(ports[1]!)));
    } finally {
      release(fifo);
    }
  }, 60_000);

  it('do not hold the process, not even one that nothing can end', async () => {
    const fifo = makeFifo();
    const child = fork(STUCK_PROXY, [fifo], { stdio: 'ignore' });
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' });
    rmSync(fifo);
  }, 60_000);

  // CATALOGUE F14
  it('gives up a worker that hangs after it has thrown: changes do not wait for it for ever', async () => {
    await serve(pool('a', ports[0]!));
    await Promise.all(Array.from({ length: 32 }, () => open(ports[0]!)));
    const hung = untilHung();
    injectFault({ row: 0, fault: 'hang-after-hand-over' });
    injectFault({ row: 0, fault: 'throw' });
    await hung;
    expect(await replaced('exception')).toBe(true);
    await serve(pool('a', ports[0]!, { digest: 'sha256:changed' }));
    await Promise.all(Array.from({ length: 32 }, () => open(ports[0]!)));
  }, 30_000);

  // CATALOGUE F14
  it('leaves a worker alone that stands still for a second; whom it has waits for it', async () => {
    await serve(pool('a', ports[0]!));
    const before = await Promise.all(Array.from({ length: 32 }, () => open(ports[0]!)));
    injectFault({ row: 0, fault: 'stall' });
    const during = await Promise.all(Array.from({ length: 32 }, () => open(ports[0]!)));
    for (const client of [...before, ...during]) expect(await echo(client, 'x')).toBe('x');
    expect((await proxy.scrape('prometheus')).body).not.toMatch(/evenkeel_worker_replacements_total\{/);
  });

  it('takes what a dead worker had in flight out of the counts', async () => {
    const limited = pool('a', ports[0]!);
    const config = {
      ...limited.config,
      resilience: { ...limited.config.resilience, limits: { maxRequestsPerEndpoint: 32 } },
    };
    await serve({ ...limited, config });
    await Promise.all(Array.from({ length: 32 }, () => open(ports[0]!)));
    await expect(open(ports[0]!)).rejects.toThrow(/ECONNRESET|closed/);
    for (const row of [0, 1]) injectFault({ row, fault: 'exit' });
    await eventually('all 32 places are free again', async () => {
      const opened = await Promise.allSettled(Array.from({ length: 32 }, () => open(ports[0]!)));
      const all = opened.every(({ status }) => status === 'fulfilled');
      if (!all) for (const client of clients) client.destroy();
      return all;
    });
  });

  // CATALOGUE K04
  it('leaves in order: not ready at once, no new connections after the delay, gone when nothing is open', async () => {
    await serve(pool('a', ports[0]!));
    const kept = await open(ports[0]!);
    const told = performance.now();
    const drained = proxy.drain(2_000, 60_000);
    expect(proxy.ready).toBe(false);
    // From somebody who has not noticed yet.
    const late = await open(ports[0]!);
    expect(await echo(late, 'welcome')).toBe('welcome');
    await eventually('new connections are refused', () =>
      open(ports[0]!).then(
        (early) => {
          early.destroy();
          return false;
        },
        () => true,
      ),
    );
    expect(performance.now() - told).toBeGreaterThanOrEqual(2_000);
    for (const client of [kept, late]) expect(await echo(client, 'to the end')).toBe('to the end');
    kept.end();
    late.end();
    await drained;
  });

  it('drains: what is open goes on, nothing new is accepted', async () => {
    await serve(pool('a', ports[0]!));
    const kept = await open(ports[0]!);
    const drained = proxy.drain(0, 60_000);
    await eventually('new connections are refused', () =>
      open(ports[0]!).then(
        (early) => {
          early.destroy();
          return false;
        },
        () => true,
      ),
    );
    expect(proxy.ready).toBe(false);
    expect(await echo(kept, 'to the end')).toBe('to the end');
    let isOver = false;
    void drained.then(() => (isOver = true));
    expect(await echo(kept, 'still open')).toBe('still open');
    expect(isOver).toBe(false);
    kept.end();
    await drained;
  });
});
