import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  CONFIG_MAPS,
  EVENTS,
  PODS,
  POOLS,
  resourcePath,
  SECRETS,
  type KubeObject,
  type Resource,
} from '../../controller/kube/objects.ts';
import { base64, tlsSecret, TestAuthority, type IssuedPair } from '../support/certificates.ts';
import { command, startCommand, type RunningCommand } from '../support/command.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { RawClient, type SeenResponse } from '../support/http/client.ts';
import { describeKube } from '../support/kube/cluster.ts';
import { configFor } from '../support/kube/config.ts';
import { controlPlane, type ControlPlane } from '../support/kube/control-plane.ts';
import { poolObject } from '../support/kube/objects.ts';
import { knownJwt, knownKey, knownText, secretsIn, type KnownSecret } from '../support/secret-forms.ts';
import { dialTls } from '../support/tls.ts';

const ACCOUNTS: Resource = { groupVersion: '/api/v1', plural: 'serviceaccounts' };
const BINDINGS = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';

interface WithData extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** Controller and proxies as processes, as they are shipped, with every kind of secret that they handle. */
describeKube('secrets', () => {
  let plane: ControlPlane;
  let folder: string;
  let listen: number;
  let backendPort: number;
  let authority: TestAuthority;
  let serving: IssuedPair;
  let client: IssuedPair;
  let controllerToken: string;
  const running: RunningCommand[] = [];

  const path = (name: string): string => join(folder, name);

  beforeEach(async () => {
    [plane, authority, folder] = await Promise.all([
      controlPlane(),
      TestAuthority.create(),
      mkdtemp(join(tmpdir(), 'evenkeel-secrets-')),
    ]);
    [serving, client] = await Promise.all([authority.issue(), authority.issue()]);
    const { kube } = plane;
    for (const name of ['controller', 'proxy', 'stranger']) {
      await kube.apply(ACCOUNTS, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
    }
    const spec = { serviceAccountName: 'proxy', containers: [{ name: 'c', image: 'i' }] };
    await kube.apply(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'proxy-1' }, spec });
    await kube.admin.request('POST', BINDINGS, {
      body: {
        metadata: { name: kube.namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'ServiceAccount', name: 'controller', namespace: kube.namespace }],
      },
    });
    controllerToken = await token('controller');
    const config = configFor(kube.info, controllerToken, kube.info.url, kube.namespace);
    await writeFile(path('kubeconfig'), config.exportConfig());

    const { chain, privateKey } = await authority.issue({ names: ['backend.example.com'] });
    const server = createServer(
      { cert: chain, key: privateKey, ca: authority.certificate, requestCert: true },
      (_, res) => res.end('served'),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    backendPort = (server.address() as AddressInfo).port;
    plane.ends.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    [listen] = (await freePorts(1)) as [number];
  });

  afterEach(async () => {
    for (const each of running.splice(0)) {
      each.child.kill('SIGKILL');
      await each.ended();
    }
    await plane.kube.admin.request('DELETE', `${BINDINGS}/${plane.kube.namespace}`);
    await plane.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function token(account: string, pod?: string): Promise<string> {
    const boundObjectRef = pod === undefined ? undefined : { kind: 'Pod', apiVersion: 'v1', name: pod };
    const audiences = account === 'controller' ? undefined : ['evenkeel-controller'];
    const { status } = await plane.kube.admin.request<{ status: { token: string } }>(
      'POST',
      `/api/v1/namespaces/${plane.kube.namespace}/serviceaccounts/${account}/token`,
      { body: { spec: { audiences, expirationSeconds: 600, boundObjectRef } } },
    );
    return status.token;
  }

  const applySecret = (name: string, pair: IssuedPair): Promise<unknown> => {
    const { type, data } = tlsSecret(name, pair);
    return plane.kube.apply(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type, data });
  };

  const pool = () =>
    poolObject('shop', plane.className, {
      listeners: [
        { name: 'web', protocol: 'HTTPS', port: listen, tls: { certificateRefs: [{ name: 'serving' }] } },
      ],
      backends: [
        {
          name: 'v1',
          type: 'Static',
          static: { endpoints: [{ address: '127.0.0.1', port: backendPort }] },
          tls: {
            mode: 'Verify',
            caRef: { kind: 'ConfigMap', name: 'authority' },
            serverName: 'backend.example.com',
            clientCertificateRef: { name: 'client' },
          },
        },
        {
          name: 'strange', // does not have the name that is asked for
          type: 'Static',
          static: { endpoints: [{ address: '127.0.0.1', port: backendPort }] },
          tls: {
            mode: 'Verify',
            caRef: { kind: 'ConfigMap', name: 'authority' },
            serverName: 'another.example.com',
          },
        },
      ],
      routes: [
        {
          name: 'strange',
          matches: [{ path: { type: 'PathPrefix', value: '/strange' } }],
          backendRefs: [{ name: 'strange' }],
        },
      ],
    });

  function start(args: readonly string[]): RunningCommand {
    const made = startCommand([...args, '--log-level', 'trace'], {
      env: { KUBECONFIG: path('kubeconfig') },
    });
    running.push(made);
    return made;
  }

  function startProxy(name: string, grpcPort: number, admin: string, shown: string): RunningCommand {
    const address = ['--controller', `127.0.0.1:${grpcPort}`, '--admin', admin, '--bind', '127.0.0.1'];
    const files = [
      '--state',
      path(`state-${name}`),
      '--ca-file',
      path('ca.crt'),
      '--token-file',
      path(shown),
    ];
    return start(['proxy', '--name', name, ...address, ...files, '--workers', '1', '--access-log']);
  }

  /** @param credentials of the client, which its backend may see */
  async function ask(target: string, credentials: string): Promise<SeenResponse> {
    const raw = RawClient.on(await dialTls(listen, { ca: authority.certificate }));
    const answer = await raw.request(
      `GET ${target} HTTP/1.1\r\nhost: shop.example.com\r\nauthorization: Bearer ${credentials}\r\n` +
        `cookie: session=${credentials}\r\nconnection: close\r\n\r\n`,
    );
    raw.close();
    return answer;
  }

  async function pages(admin: string, paths: readonly string[]): Promise<string[]> {
    return Promise.all(paths.map(async (page) => (await fetch(`http://${admin}${page}`)).text()));
  }

  // J12
  it('are nowhere that anybody looks: logs, status, Events, metrics, pages, answers, commands and files', async () => {
    const { kube, className } = plane;
    const [grpcPort, ...adminPorts] = (await freePorts(4)) as [number, number, number, number];
    const [controllerAdmin, proxyAdmin, strangerAdmin] = adminPorts.map((port) => `127.0.0.1:${port}`) as [
      string,
      string,
      string,
    ];
    await applySecret('serving', serving);
    await applySecret('client', client);
    const data = { 'ca.crt': authority.certificate };
    await kube.apply(CONFIG_MAPS, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'authority' },
      data,
    });
    await kube.apply(POOLS, pool());

    const accounts = [
      '--proxy-service-accounts',
      `${kube.namespace}/proxy`,
      '--denied-cidrs',
      '192.0.2.0/24',
    ];
    const names = ['--class', className, '--ca-secret', 'ca', '--ca-config-map', 'ca-bundle'];
    const grpc = ['--grpc', `127.0.0.1:${grpcPort}`, '--admin', controllerAdmin];
    start(['controller', ...names, ...grpc, ...accounts]);
    const bundle = await eventually(
      'the bundle',
      async () => (await kube.get<WithData>(CONFIG_MAPS, 'ca-bundle')).data,
    );
    await writeFile(path('ca.crt'), bundle['ca.crt']!);
    const [proxyToken, strangerToken] = [await token('proxy', 'proxy-1'), await token('stranger')];
    await writeFile(path('token'), proxyToken);
    await writeFile(path('strange-token'), strangerToken);
    const proxy = startProxy('proxy-1', grpcPort, proxyAdmin, 'token');
    startProxy('stranger', grpcPort, strangerAdmin, 'strange-token');

    await plane.condition('shop', 'Programmed', 'True');
    const ca = (await kube.get<WithData>(SECRETS, 'ca')).data!;
    const clientToken = randomBytes(32).toString('hex');
    const fromBase64 = (text: string): string => Buffer.from(text, 'base64').toString();
    const keys: readonly KnownSecret[] = [
      knownKey('key of a listener', serving.privateKey),
      knownKey('key shown to a backend', client.privateKey),
    ];
    const ofController: readonly KnownSecret[] = [
      knownKey('key of the CA', fromBase64(ca['ca.key']!)),
      knownText('secret of tickets', fromBase64(ca['tickets.secret']!)),
    ];
    const others: readonly KnownSecret[] = [
      knownJwt('token of the controller', controllerToken),
      knownJwt('token of the proxy', proxyToken),
      knownJwt('token of a stranger', strangerToken),
      knownText('credentials of a client', clientToken),
    ];

    // Traffic, good and bad.
    const answers = await Promise.all(
      ['/', `/?token=${clientToken}`, '/strange', '/%zz', '/a'.repeat(40_000)].map((target) =>
        ask(target, clientToken),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 503, 400, 414]);

    // Secrets that are no good, or the wrong way round.
    const swapped = { chain: serving.privateKey, privateKey: serving.chain };
    const truncated = { chain: serving.chain, privateKey: serving.privateKey.slice(0, 150) };
    const foreign = { chain: serving.chain, privateKey: client.privateKey };
    const shown: string[] = [];
    for (const broken of [swapped, truncated, foreign]) {
      await applySecret('serving', broken);
      const { conditions } = await plane.condition('shop', 'ResolvedRefs', 'False/InvalidCertificate');
      shown.push(JSON.stringify(conditions));
      await applySecret('serving', serving);
      await plane.condition('shop', 'ResolvedRefs', 'True');
    }

    const listed = ['-o', 'json'];
    const env = { KUBECONFIG: path('kubeconfig') };
    for (const args of [
      ['get', 'shop', ...listed],
      ['get', '-o', 'wide'],
      ['describe', 'shop'],
      ['explain', '--class', className, '--url', `https://shop.example.com:${listen}/`],
      ['top'],
    ]) {
      const outcome = await command(args, { env });
      expect(outcome.code).toBe(0);
      shown.push(outcome.stdout, outcome.stderr);
    }
    shown.push(
      JSON.stringify(await kube.get(POOLS, 'shop')),
      JSON.stringify(await kube.admin.request('GET', resourcePath(EVENTS, kube.namespace))),
      ...(await pages(controllerAdmin, [
        '/',
        '/api/overview',
        `/api/pool?name=${kube.namespace}/shop`,
        '/metrics',
      ])),
      ...(await pages(proxyAdmin, [
        '/metrics',
        '/debug/snapshot',
        '/debug/endpoints',
        '/debug/load',
        '/debug/traffic',
      ])),
      ...answers.map(({ head, body }) => head + body),
    );

    // A proxy that starts again on a file that is damaged, and without a controller.
    const state = path('state-proxy-1');
    const saved = await eventually(
      'the pool has served for 10 s and is on disk',
      async () => (await readdir(state)).find((file) => file.endsWith('.pool')),
      30_000,
    );
    proxy.child.kill('SIGKILL');
    await proxy.ended();
    const protectedFile = await readFile(join(state, saved), 'utf8');
    expect((await stat(join(state, saved))).mode & 0o777).toBe(0o600);
    expect((await stat(state)).mode & 0o777).toBe(0o700);
    await appendFile(join(state, saved), 'x');
    const again = startProxy('proxy-1', 1, proxyAdmin, 'token');
    await again.says(/checksum/);
    for (const file of await readdir(state)) {
      if (file !== saved) shown.push(await readFile(join(state, file), 'utf8'));
    }
    shown.push(...running.flatMap(({ stdout, stderr }) => [stdout, stderr]));

    // They are found where they belong, so they would be found elsewhere.
    const namesOf = (of: readonly KnownSecret[]): string[] => of.map(({ name }) => name);
    const [, ticketSecret = ''] = /"ticketSecret":"([^"]+)"/.exec(protectedFile) ?? [];
    const inSnapshots = [...keys, knownText('secret of the tickets of a listener', ticketSecret)];
    const secrets = [...inSnapshots, ...ofController, ...others];
    expect(secretsIn(protectedFile, secrets)).toEqual(namesOf(inSnapshots));
    const stored = JSON.stringify(await kube.admin.request('GET', resourcePath(SECRETS, kube.namespace)));
    expect(secretsIn(stored, secrets)).toEqual(namesOf([...keys, ...ofController]));
    expect(secretsIn(base64(`for ${clientToken}`), secrets)).toEqual(['credentials of a client']);
    // And what is looked through is what it should be.
    const everything = shown.join('\n');
    for (const said of ['InvalidCertificate', 'BEGIN CERTIFICATE', 'evenkeel_', '/strange', 'redacted']) {
      expect(everything).toContain(said);
    }
    expect(secretsIn(everything, secrets)).toEqual([]);
  }, 120_000);
});
