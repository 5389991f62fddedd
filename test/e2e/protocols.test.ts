import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, get } from 'node:https';
import { connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { TestAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { apply, helm, kubectl } from './support/commands.ts';
import { install, TAG } from './support/installation.ts';
import { wayIn } from './support/way-in.ts';

const HERE = 'protocols';
const HOST = 'shop.example.com';
const METHOD = '/echo.Echo/Say';

/** HTTP/1.1 and WebSocket on one port, gRPC in clear on another; Node alone is in the image. */
const SERVER = `
const { createHash } = require('node:crypto');
const { createServer } = require('node:http');
const http2 = require('node:http2');
const web = createServer((request, response) => response.end(JSON.stringify(request.headers)));
web.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nupgrade: websocket\\r\\nconnection: upgrade\\r\\n' +
    'sec-websocket-accept: ' + accept + '\\r\\n\\r\\n');
  socket.on('data', (frame) => {
    if ((frame[0] & 15) !== 1) return socket.end();
    const mask = frame.subarray(2, 6);
    const text = frame.subarray(6).map((byte, at) => byte ^ mask[at % 4]);
    socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
  });
  socket.on('error', () => undefined);
});
web.listen(8080);
http2.createServer().on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.pipe(stream);
}).listen(8081);
`;

const MANIFESTS = (chain: string, privateKey: string): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: 'shop-tls' },
    stringData: { 'tls.crt': chain, 'tls.key': privateKey },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'shop', labels: { app: 'shop' } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'shop',
          image: `evenkeel/proxy:${TAG}`,
          imagePullPolicy: 'IfNotPresent',
          command: ['/usr/local/bin/node', '--eval', SERVER],
          readinessProbe: { tcpSocket: { port: 8081 }, periodSeconds: 1 },
        },
      ],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'shop' },
    spec: {
      selector: { app: 'shop' },
      ports: [
        { name: 'http', port: 80, targetPort: 8080 },
        { name: 'grpc', port: 81, targetPort: 8081, appProtocol: 'kubernetes.io/h2c' },
      ],
    },
  },
  {
    apiVersion: 'evenkeel.dev/v1alpha1',
    kind: 'LoadBalancerPool',
    metadata: { name: 'shop' },
    spec: {
      className: 'protocols',
      listeners: [
        { name: 'web', protocol: 'HTTPS', port: 443, tls: { certificateRefs: [{ name: 'shop-tls' }] } },
        {
          name: 'behind',
          protocol: 'HTTP',
          port: 8080,
          proxyProtocol: { mode: 'Required', trustedCIDRs: ['10.0.0.0/8', '172.16.0.0/12'] },
        },
      ],
      backends: [
        { name: 'http', type: 'Service', service: { name: 'shop', port: 'http' } },
        { name: 'grpc', type: 'Service', service: { name: 'shop', port: 'grpc' } },
      ],
      routes: [
        {
          name: 'grpc',
          matches: [{ path: { type: 'PathPrefix', value: '/echo.Echo' } }],
          backendRefs: [{ name: 'grpc' }],
        },
      ],
      defaultBackendRefs: [{ name: 'http' }],
    },
  },
];

describe('on a cluster, other protocols than plain HTTP', () => {
  let authority: TestAuthority;

  beforeAll(async () => {
    authority = await TestAuthority.create();
    const { chain, privateKey } = await authority.issue({ names: [HOST] });
    await install(
      'protocols',
      HERE,
      'className=protocols',
      'crds.install=false',
      'controller.replicas=1',
      'proxy.replicas=1',
      `secretNamespaces={${HERE}}`,
    );
    await apply(
      HERE,
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: MANIFESTS(chain, privateKey) }),
    );
    await kubectl('-n', HERE, 'wait', 'lbp/shop', '--for=condition=Programmed', '--timeout=120s');
    await kubectl('-n', HERE, 'wait', 'lbp/shop', '--for=condition=Available', '--timeout=120s');
    await eventually('it answers', async () => (await ask()).status === 200);
  });
  afterAll(async () => {
    await helm('uninstall', 'protocols', '--namespace', HERE, '--wait');
    await kubectl('delete', 'namespace', HERE);
  });

  /** `10.0.0.1:30443` */
  const place = async (port: number): Promise<URL> => {
    const [url] = await wayIn(port, { namespace: HERE, release: 'protocols-evenkeel' });
    if (url === undefined) throw new Error(`nobody leads to port ${port}`);
    return new URL(url);
  };
  const ask = async (): Promise<{ status: number; serial: string }> => {
    const { hostname, port } = await place(443);
    const asking = get({
      host: hostname,
      port,
      servername: HOST,
      headers: { host: HOST },
      ca: authority.certificate,
      agent: false,
    });
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
    response.resume();
    return { status: response.statusCode ?? 0, serial: serialNumber };
  };

  it('HTTPS with a certificate from a Secret, and the next one when it is replaced', async () => {
    const before = await ask();
    const { chain, privateKey } = await authority.issue({ names: [HOST] });
    const patch = JSON.stringify({ stringData: { 'tls.crt': chain, 'tls.key': privateKey } });
    await kubectl('-n', HERE, 'patch', 'secret', 'shop-tls', '--patch', patch);
    await eventually('the new certificate is shown', async () => (await ask()).serial !== before.serial);
  });

  it('gRPC, in TLS from the client and in clear to a backend whose Service says h2c', async () => {
    const { host } = await place(443);
    const client = new Client(host, credentials.createSsl(Buffer.from(authority.certificate)), {
      'grpc.ssl_target_name_override': HOST,
      'grpc.default_authority': HOST,
    });
    const plain = (bytes: Buffer): Buffer => bytes;
    const said = await new Promise<Buffer | undefined>((resolve, reject) => {
      client.makeUnaryRequest(METHOD, plain, plain, Buffer.from('hello'), (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
    client.close();
    expect(said?.toString()).toBe('hello');
  });

  it('WebSocket inside TLS', async () => {
    const { host } = await place(443);
    const socket = new WebSocket(`wss://${host}/`, {
      headers: { host: HOST },
      agent: new Agent({ servername: HOST, ca: authority.certificate }),
    });
    await once(socket, 'open');
    socket.send('hello');
    const [message] = (await once(socket, 'message')) as [Buffer];
    expect(message.toString()).toBe('hello');
    socket.close();
  });

  it('the PROXY protocol from what is in front: the backend hears of the client', async () => {
    const { hostname, port } = await place(8080);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(
      'PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n' +
        `GET / HTTP/1.1\r\nhost: ${HOST}\r\nconnection: close\r\n\r\n`,
    );
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toContain('HTTP/1.1 200');
    expect(answer).toContain('"x-forwarded-for":"203.0.113.9"');
  });
});
