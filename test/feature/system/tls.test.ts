import { X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type IssuedPair, secretManifest, TestAuthority } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { ScriptedBackend } from '../../support/http/backend.ts';
import { rotateUnderHandshakes } from '../../support/load/rotation-run.ts';
import { poolManifest } from '../../support/process/manifests.ts';
import { ProxyProcess } from '../../support/process/proxy-process.ts';
import { dialTls } from '../../support/tls.ts';

/** `evenkeel run` with Secrets in its files. */
describe('certificates from files', () => {
  let authority: TestAuthority;
  let backend: ScriptedBackend;
  let port: number;
  let proxy: ProxyProcess | undefined;

  beforeAll(async () => {
    authority = await TestAuthority.create();
  });

  afterEach(async () => {
    await proxy?.close();
    proxy = undefined;
    await backend.close();
  });

  async function prepare(): Promise<void> {
    backend = await ScriptedBackend.start();
    [port] = (await freePorts(1)) as [number];
  }

  const manifests = (secret: string): string =>
    poolManifest(
      'shop',
      'HTTPS',
      { listen: port, backend: backend.port },
      {
        listener: 'tls: {certificateRefs: [{name: shop}]}',
      },
    ) + secret;

  async function served(): Promise<string> {
    const socket = await dialTls(port, { ca: authority.certificate });
    const certificate = socket.getPeerX509Certificate();
    socket.destroy();
    return certificate?.serialNumber ?? '';
  }

  const serialOf = ({ chain }: IssuedPair): string => new X509Certificate(chain).serialNumber;

  async function resolvedRefs(): Promise<{ status: string; reason: string; message: string } | undefined> {
    const { items } = (await (await proxy!.fetch('/api/pools')).json()) as {
      items: {
        status: { conditions: { type: string; status: string; reason: string; message: string }[] };
      }[];
    };
    return items[0]?.status.conditions.find(({ type }) => type === 'ResolvedRefs');
  }

  it('are served, replaced when their file changes, and kept while what comes is broken', async () => {
    await prepare();
    const [first, second] = [await authority.issue(), await authority.issue()];
    proxy = await ProxyProcess.start({ manifests: manifests(secretManifest('shop', first)) });
    expect(await served()).toBe(serialOf(first));

    await proxy.rewrite(
      manifests(secretManifest('shop', { chain: second.chain, privateKey: first.privateKey })),
    );
    await eventually('the broken pair is told', async () => (await resolvedRefs())?.status === 'False');
    expect(await resolvedRefs()).toMatchObject({
      reason: 'InvalidCertificate',
      message: expect.stringContaining('tls.key of Secret shop does not belong to its tls.crt'),
    });
    expect(await served()).toBe(serialOf(first));

    await proxy.rewrite(manifests(secretManifest('shop', second)));
    await eventually('the second is served', async () => (await served()) === serialOf(second));
    expect((await resolvedRefs())?.status).toBe('True');
  });

  // CATALOGUE J12
  it('show their keys to nobody: not in pages, status, metrics or logs, also when they are broken', async () => {
    await prepare();
    const pair = await authority.issue();
    // The secret part of a PKCS #8 key of P-256; the rest of it is in the certificate, too.
    const secret = pair.privateKey.split('\n').slice(1, -2).join('').slice(52, 88);
    proxy = await ProxyProcess.start({
      manifests: manifests(secretManifest('shop', pair)),
      args: ['--log-level', 'debug', '--access-log'],
    });
    await served();
    const broken = {
      chain: `${pair.chain}x`,
      privateKey: pair.privateKey.replace('BEGIN PRIVATE', 'BEGIN EC PRIVATE'),
    };
    await proxy.rewrite(manifests(secretManifest('shop', broken)));
    await eventually('it is told', async () => (await resolvedRefs())?.status === 'False');
    await proxy.rewrite(`${manifests(secretManifest('shop', pair))}\n  - [`);
    await eventually('the file is at fault', async () =>
      (await (await proxy!.fetch('/debug/diagnostics')).text()).includes('pools.yaml'),
    );
    const pages = await Promise.all(
      [
        '/api/pools',
        '/debug/snapshot',
        '/debug/endpoints',
        '/debug/diagnostics',
        '/debug/load',
        '/metrics',
        '/',
      ].map(async (path) => (await proxy!.fetch(path)).text()),
    );
    const shown = [...pages, proxy.log].join('\n');
    expect(pages[1]).toContain('"privateKey"');
    expect(shown).toContain('BEGIN CERTIFICATE');
    const inBase64 = (prefix: string): string =>
      Buffer.from(prefix + secret)
        .toString('base64')
        .slice(8, 40);
    for (const form of [secret, inBase64(''), inBase64('x'), inBase64('xx')]) {
      expect(shown.includes(form.slice(4))).toBe(false);
    }
  }, 60_000);

  // CATALOGUE K08, R27; the long form is test/soak/certificate-rotation.test.ts
  it('change under handshakes, and none of those fails', async () => {
    await prepare();
    const outcome = await rotateUnderHandshakes({
      count: 400,
      everyMs: 200,
      ports: { listen: port, backend: backend.port },
    });
    expect(Object.fromEntries(outcome.failures)).toEqual({});
    expect(outcome.keptConnection).toBe(true);
    expect(outcome.rotations).toBeGreaterThan(2);
    expect(outcome.certificates.size).toBeGreaterThan(2);
  }, 120_000);
});
