import { status as Status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { collect, GrpcClient } from '../support/grpc/client.ts';
import { answerWithTrailers, Http2Backend } from '../support/http/http2-backend.ts';
import { percentile } from '../support/load/percentile.ts';
import { poolManifest } from '../support/process/manifests.ts';
import { ProxyProcess } from '../support/process/proxy-process.ts';

const CALLS = 1_000;
const AT_ONCE = 10;
const DEADLINE_MS = 200;
const MAX_LATE_MS = 100;

// E16; the short form is in test/feature/proxy/grpc.test.ts.
describe(`${CALLS} gRPC calls that their client gives up`, () => {
  let backend: Http2Backend;
  let proxy: ProxyProcess;
  let client: GrpcClient;
  /** When the stream of a call was reset, by what the call is numbered. `performance.now()` */
  const resets = new Map<string, number>();

  beforeAll(async () => {
    // Not a gRPC server: that watches the deadline itself.
    backend = await Http2Backend.start({
      onHeaders: (stream, { headers }) => {
        if (headers['x-number'] === undefined) {
          answerWithTrailers(stream, '', { 'grpc-status': '0' });
          return;
        }
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.on('close', () => resets.set(String(headers['x-number']), performance.now()));
      },
    });
    const [listen] = (await freePorts(1)) as [number];
    const ports = { listen, backend: backend.port };
    const more = { backend: 'appProtocol: kubernetes.io/h2c' };
    proxy = await ProxyProcess.start({ manifests: poolManifest('calls', 'HTTP', ports, more) });
    client = new GrpcClient(listen);
  }, 30_000);

  afterAll(async () => {
    await client.close();
    await proxy.close();
    await backend.close();
  });

  /** Makes calls, each of which answers when it was over for its client, and holds what their backend hears to its bound. */
  async function giveUpAll(what: string, giveUp: (number: string) => Promise<number>): Promise<void> {
    const late: number[] = [];
    let begun = 0;
    const lane = async (): Promise<void> => {
      while (begun < CALLS) {
        begun += 1;
        const number = `${what} ${begun}`;
        const over = await giveUp(number);
        // Who did nothing but give up would be taken for an attacker (E01).
        await client.unary('x');
        const known = await eventually('the backend knows', () => resets.get(number));
        late.push(known - over);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    const at = (share: number): string => percentile(late, share).toFixed(1);
    process.stdout.write(`${what}: reset after ${at(0.5)} ms, p99 ${at(0.99)} ms, ${at(1)} ms at most\n`);
    // CANCEL
    const numbered = backend.requests.filter(({ headers }) => headers['x-number'] !== undefined);
    expect(numbered.filter(({ rstCode }) => rstCode !== 8)).toEqual([]);
    expect(late).toHaveLength(CALLS);
    expect(percentile(late, 0.99)).toBeLessThan(MAX_LATE_MS);
  }

  it('are reset at their backend within 100 ms of being cancelled', async () => {
    await giveUpAll('cancelled', async (number) => {
      const call = client.bidi({ 'x-number': number });
      const over = collect(call);
      await new Promise((resolve) => call.once('metadata', resolve));
      const cancelled = performance.now();
      call.cancel();
      expect((await over).status.code).toBe(Status.CANCELLED);
      return cancelled;
    });
  }, 300_000);

  it('are reset at their backend within 100 ms of their deadline', async () => {
    await giveUpAll('deadline', async (number) => {
      const end = performance.now() + DEADLINE_MS;
      const { status } = await client.unary(
        'x',
        { 'x-number': number },
        { deadline: Date.now() + DEADLINE_MS },
      );
      expect(status).toMatchObject({ code: Status.DEADLINE_EXCEEDED });
      return end;
    });
  }, 300_000);
});
