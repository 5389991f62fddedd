import { constants } from 'node:http2';
import { describe, expect, it } from 'vitest';
import { listener, resilience, route } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { answerWithTrailers } from '../../support/http/http2-backend.ts';
import { httpScope } from '../../support/http/scope.ts';

const CALL =
  'POST /shop.Orders/Get HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/grpc\r\nTE: trailers\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0';

/** What the proxy answers to a gRPC call by itself, seen byte by byte. */
describe('a gRPC call that the proxy answers', () => {
  const scope = httpScope();

  it('gets a status instead of a 503 when no endpoint can be reached', async () => {
    const [refused] = await freePorts(1);
    const proxy = await scope.proxy({ ports: [refused!], appProtocol: 'h2c' });
    const response = await proxy.request(CALL);
    expect(response).toMatchObject({ status: 200, body: '' });
    expect(response.header('content-type')).toBe('application/grpc');
    expect(response.header('grpc-status')).toBe('14');
    expect(response.header('grpc-message')).toBe(
      '503 the backend refused the connection (UPSTREAM_CONNECT_REFUSED)',
    );
    expect(proxy.records[0]).toMatchObject({
      status: 200,
      error: 'UPSTREAM_CONNECT_REFUSED',
      grpcStatus: 14,
    });
    // The same from a client that does not speak gRPC.
    expect((await proxy.get()).status).toBe(503);
  });

  it('gets UNIMPLEMENTED where no route takes it, and PERMISSION_DENIED where it may not come', async () => {
    const { proxy } = await scope.http2Pair(
      {},
      {
        defaultBackendRefs: [],
        routes: [
          route({
            matches: [
              {
                path: { type: 'PathPrefix', value: '/shop.Closed' },
                methods: [],
                headers: [],
                queryParams: [],
                cookies: [],
                sourceCIDRs: [],
              },
            ],
            accessRules: { allowCIDRs: [], denyCIDRs: ['127.0.0.0/8'] },
          }),
        ],
      },
    );
    expect((await proxy.request(CALL)).header('grpc-status')).toBe('12');
    const closed = CALL.replace('shop.Orders', 'shop.Closed');
    expect((await proxy.request(closed)).header('grpc-status')).toBe('7');
    expect((await proxy.get()).status).toBe(404);
  });

  it('gets DEADLINE_EXCEEDED when its route gives it no more time', async () => {
    const { proxy } = await scope.http2Pair(
      { onHeaders: () => {} },
      { routes: [route({ timeouts: { requestMs: 200 } })] },
    );
    expect((await proxy.request(CALL)).header('grpc-status')).toBe('4');
    expect(proxy.records[0]).toMatchObject({ error: 'REQUEST_TIMEOUT', grpcStatus: 4 });
  });

  // E16
  it.each([
    { timeout: '1n', error: 'CALL_DEADLINE', status: '4', blamed: false },
    { timeout: '1H', error: 'UPSTREAM_RESET', status: '14', blamed: true },
  ])(
    'whose server gives it up ends with $status after $timeout',
    async ({ timeout, error, status, blamed }) => {
      // A server ends a call whose time is over by a reset, and its clock may be the first to say so.
      const { proxy } = await scope.http2Pair({
        onHeaders: (stream) => stream.close(constants.NGHTTP2_CANCEL),
      });
      const call = CALL.replace('TE:', `grpc-timeout: ${timeout}\r\nTE:`);
      expect((await proxy.request(call)).header('grpc-status')).toBe(status);
      expect(proxy.records[0]).toMatchObject({ error, grpcStatus: Number(status) });
      // Else a client could have any endpoint taken out.
      expect(proxy.passive.some(({ kind }) => kind === 'failure')).toBe(blamed);
    },
  );

  it('gets RESOURCE_EXHAUSTED when its messages are larger than the listener takes', async () => {
    const { proxy } = await scope.http2Pair(
      {},
      { listeners: [listener({ limits: { maxRequestBodyBytes: 4, bodyMatchBytes: 65_536 } })] },
    );
    expect((await proxy.request(CALL)).header('grpc-status')).toBe('8');
  });

  it('is told in trailers when its backend dies in the middle', async () => {
    // E17
    const { backend, proxy } = await scope.http2Pair({
      onHeaders: (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.write('\0\0\0\0\u0002hi');
      },
    });
    const client = await proxy.connect();
    client.send(CALL);
    await eventually('it has begun', () => client.received.includes('hi'));
    await backend.kill();
    const response = await client.response('POST');
    expect(response.body).toBe('\0\0\0\0\u0002hi');
    expect(response.trailers).toBe(
      'grpc-status: 14\r\ngrpc-message: 502 the backend closed the connection before it answered (UPSTREAM_RESET)\r\n',
    );
    await proxy.settled();
    expect(proxy.records[0]).toMatchObject({ status: 200, error: 'UPSTREAM_RESET', grpcStatus: 14 });
  });

  it('is reset when its deadline passes in the middle of a response that is none of gRPC', async () => {
    const { proxy } = await scope.http2Pair(
      {
        onHeaders: (stream) => {
          stream.respond({ ':status': 200, 'content-length': '100' });
          stream.write('half');
        },
      },
      { routes: [route({ timeouts: { requestMs: 300 } })] },
    );
    const client = await proxy.connect();
    client.send(CALL);
    expect(await client.closed()).toBe('reset');
  });

  it('is counted by the status it ends with, wherever that was said', async () => {
    const { proxy } = await scope.http2Pair((stream, { headers }) => {
      const status = String(headers[':path']).slice(1);
      if (status === '5') stream.respond({ ':status': 200, 'grpc-status': status }, { endStream: true });
      else answerWithTrailers(stream, '', { 'grpc-status': status });
    });
    for (const status of ['0', '5', '13']) await proxy.get(`/${status}`);
    expect(proxy.records).toMatchObject(
      [0, 5, 13].map((grpcStatus) => ({ status: 200, grpcStatus, upstreamProtocol: 'HTTP/2' })),
    );
    const values = (name: string) => proxy.metrics.find((metric) => metric.name === name)!.values;
    expect(
      values('evenkeel_grpc_calls_total').map(({ labels, value }) => [labels['grpc_status'], value]),
    ).toEqual([
      [0, 1],
      [5, 1],
      [13, 1],
    ]);
    // NOT_FOUND is the caller's affair, INTERNAL is not.
    expect(values('evenkeel_failed_requests_total')[0]!.value).toBe(1);
  });

  it('is repeated for no status: what it says came from the application', async () => {
    const unavailable = await scope.http2Backend((stream) =>
      stream.respond({ ':status': 200, 'grpc-status': '14' }, { endStream: true }),
    );
    const other = await scope.http2Backend();
    const { retries } = resilience();
    const proxy = await scope.proxy({
      ports: [unavailable.port, other.port],
      appProtocol: 'h2c',
      config: {
        resilience: resilience({ retries: { ...retries, retryOn: ['StatusCode'], statusCodes: [503] } }),
      },
    });
    expect((await proxy.request(CALL)).header('grpc-status')).toBe('14');
    expect(other.requests).toHaveLength(0);
    expect(proxy.passive).toMatchObject([{ kind: 'success' }]);
  });
});
