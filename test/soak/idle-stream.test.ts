import { setTimeout as delay } from 'node:timers/promises';
import { status as Status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { collect, GrpcClient } from '../support/grpc/client.ts';
import { GrpcEchoServer } from '../support/grpc/echo-server.ts';
import { poolManifest } from '../support/process/manifests.ts';
import { ProxyProcess } from '../support/process/proxy-process.ts';

const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 60);
const PING_EVERY_MS = 10_000;

// E19; the short form is in test/feature/proxy/grpc.test.ts.
describe('a stream in which nobody says anything', () => {
  let server: GrpcEchoServer;
  let proxy: ProxyProcess;
  let port: number;

  beforeAll(async () => {
    server = await GrpcEchoServer.start();
    [port] = (await freePorts(1)) as [number];
    proxy = await ProxyProcess.start({
      manifests: poolManifest(
        'calls',
        'HTTP',
        { listen: port, backend: server.port },
        { backend: 'appProtocol: kubernetes.io/h2c' },
      ),
    });
  }, 30_000);

  afterAll(async () => {
    await proxy.close();
    await server.close();
  });

  it(
    'lives on for as long as its client sends a PING every ten seconds',
    async () => {
      const client = new GrpcClient(port, {
        'grpc.keepalive_time_ms': PING_EVERY_MS,
        'grpc.keepalive_timeout_ms': 5_000,
      });
      const call = client.bidi();
      const over = collect(call);
      call.write(Buffer.from('before'));
      await delay(MINUTES * 60_000);
      call.write(Buffer.from('after'));
      call.end();
      const { messages, status } = await over;
      await client.close();
      process.stdout.write(`idle for ${MINUTES} min: ${messages.length} messages, status ${status.code}\n`);
      expect(messages.map(String)).toEqual(['before', 'after']);
      expect(status.code).toBe(Status.OK);
      // It is one call on one connection still.
      expect(server.calls).toHaveLength(1);
    },
    (MINUTES + 1) * 60_000,
  );
});
