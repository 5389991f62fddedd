import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PoolSnapshot } from '../../../api/snapshot.ts';
import { systemClock } from '../../../lib/clock.ts';
import { loadPoolValidator } from '../../../standalone/pool-validator.ts';
import { Standalone, type ProxyPort } from '../../../standalone/standalone.ts';
import { eventually } from '../../support/eventually.ts';

const validator = await loadPoolValidator();

function pool(name: string, port: number | string, listenOn = 8080): string {
  return `apiVersion: evenkeel.dev/v1alpha1
kind: LoadBalancerPool
metadata: {name: ${name}}
spec:
  listeners: [{name: web, protocol: HTTP, port: ${listenOn}}]
  backends: [{name: v1, type: Static, static: {endpoints: [{address: 127.0.0.1, port: ${port}}]}}]
  defaultBackendRefs: [{name: v1}]
`;
}

/** Applies everything except what listens on port 6666. */
class RecordingProxy implements ProxyPort {
  readonly served = new Map<string, PoolSnapshot>();
  changes = 0;

  apply: ProxyPort['apply'] = ({ upsert, remove }) => {
    this.changes += upsert.length + remove.length;
    for (const uid of remove) this.served.delete(uid);
    const refused = { ok: false as const, errors: [{ path: 'spec.listeners[0].port', message: 'taken' }] };
    type Outcome = Awaited<ReturnType<ProxyPort['apply']>> extends Map<string, infer O> ? O : never;
    return Promise.resolve(
      new Map<string, Outcome>(
        upsert.map((snapshot): [string, Outcome] => {
          if (snapshot.config.listeners[0]?.port === 6666) return [snapshot.uid, refused];
          this.served.set(snapshot.uid, snapshot);
          return [snapshot.uid, { ok: true }];
        }),
      ),
    );
  };

  reports = (): [] => [];

  ports(): Record<string, number | undefined> {
    return Object.fromEntries(
      [...this.served].map(([uid, { endpoints }]) => [uid, endpoints['v1']?.[0]?.port]),
    );
  }
}

describe('Standalone', () => {
  let folder: string;
  let proxy: RecordingProxy;
  let standalone: Standalone | undefined;
  let logged: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-standalone-'));
    proxy = new RecordingProxy();
    logged = [];
  });

  it('says what it begins without, because nothing was there before that could go on', async () => {
    await write(
      'shop.yaml',
      pool('shop', 9000).replace(
        'protocol: HTTP,',
        'protocol: HTTPS, tls: {certificateRefs: [{name: shop-tls}]},',
      ),
    );
    await start();
    expect(proxy.served.size).toBe(1);
    expect(logged.filter((line) => line.includes('has never read'))).toMatchObject([
      expect.stringContaining('"pool":"default/shop","without":"Secret/shop-tls"'),
    ]);
  });

  afterEach(async () => {
    standalone?.close();
    await rm(folder, { recursive: true });
  });

  const write = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text);
  const start = async (): Promise<Standalone> => {
    const log = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
    standalone = await Standalone.start({
      paths: [folder],
      deniedCIDRs: [],
      proxy,
      validator,
      clock: systemClock,
      log,
    });
    return standalone;
  };

  it('applies what the files say, and what they become, without being told', async () => {
    await write('a.yaml', pool('a', 9001));
    await start();
    expect(proxy.ports()).toEqual({ 'default/a': 9001 });
    await write('a.yaml', pool('a', 9002));
    await write('b.yaml', pool('b', 9003, 8081));
    await eventually(
      'both edits are applied',
      () => proxy.served.size === 2 && proxy.ports()['default/a'] === 9002,
    );
    await rm(join(folder, 'a.yaml'));
    await eventually('the removed pool is gone', () => !proxy.served.has('default/a'));
    expect(proxy.ports()).toEqual({ 'default/b': 9003 });
  });

  it('keeps the last good version of a broken pool, says where it is broken, and applies the others', async () => {
    await write('a.yaml', pool('a', 9001));
    await write('b.yaml', pool('b', 9002, 8081));
    const running = await start();
    await write('a.yaml', pool('a', 'ninety'));
    await write('b.yaml', pool('b', 9004, 8081));
    await eventually('the good edit is applied and the bad one reported', () => {
      return proxy.ports()['default/b'] === 9004 && running.diagnostics.length > 0;
    });
    expect(proxy.ports()['default/a']).toBe(9001);
    expect(running.diagnostics).toMatchObject([
      { file: join(folder, 'a.yaml'), line: 6, path: 'spec.backends[0].static.endpoints[0].port' },
    ]);
  });

  it('keeps everything while a file is not even YAML', async () => {
    await write('a.yaml', pool('a', 9001));
    const running = await start();
    await write('a.yaml', 'spec: [');
    await eventually('the fault is reported', () => running.diagnostics.length > 0);
    expect(proxy.ports()).toEqual({ 'default/a': 9001 });
  });

  it('reports what the proxy refuses at its place in the file, and goes on with what was applied', async () => {
    await write('a.yaml', pool('a', 9001));
    const running = await start();
    await write('a.yaml', pool('a', 9001, 6666));
    await eventually('the refusal is reported', () => running.diagnostics.length > 0);
    expect(running.diagnostics).toMatchObject([
      { line: 5, path: 'spec.listeners[0].port', message: 'taken' },
    ]);
    expect(running.pools[0]?.serving).not.toBe(running.pools[0]?.snapshot?.digest);
    expect(proxy.served.get('default/a')?.config.listeners[0]?.port).toBe(8080);
  });

  it('changes nothing when a file is written anew with the same meaning', async () => {
    await write('a.yaml', pool('a', 9001));
    const running = await start();
    await write('a.yaml', `# a comment\n${pool('a', 9001)}`);
    await running.reload();
    expect(proxy.changes).toBe(1);
  });
});
