import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { ok, ScriptedBackend } from '../support/http/backend.ts';
import { H2Client } from '../support/http2/client.ts';
import {
  block,
  data,
  ErrorCode,
  Flag,
  frame,
  FrameType,
  get,
  headers,
  post,
  rstStream,
  settings,
  windowUpdate,
} from '../support/http2/frames.ts';
import { endAll, flood, holdAll, resetEverySecond } from '../support/load/http2-attacks.ts';
import { percentile } from '../support/load/percentile.ts';
import { isAtRest } from '../support/process/at-rest.ts';
import { poolManifest } from '../support/process/manifests.ts';
import { ProxyProcess } from '../support/process/proxy-process.ts';

const RAPID_PER_SECOND = 10_000;
const RAPID_EVERY_MS = 5;
const ROUNDS = 4;
const ROUND_MS = 2_000;

const OVERFLOWS = 10_000;
const MALFORMED = 100_000;
/** Enough to be seen beside what is collected meanwhile. */
const HELD = 2_000;
/** Of what has to be warm first: until then V8 lets the heap grow. */
const WARM_UP = 20_000;
/** Garbage comes and goes by as much. A connection holds 49 KiB: 10,000 that were kept would be five times this. */
const MAX_GROWTH_KIB = 96 * 1_024;

// The short forms are in test/feature/proxy/http2-hostile.test.ts.
describe('attacks by HTTP/2, at full size', () => {
  let backend: ScriptedBackend;
  let proxy: ProxyProcess;
  let port: number;

  beforeAll(async () => {
    backend = await ScriptedBackend.start(({ request, socket }) => {
      if (request.target !== '/never') socket.write(ok('fine'));
    });
    [port] = (await freePorts(1)) as [number];
    proxy = await ProxyProcess.start({
      manifests: poolManifest('web', 'HTTP', { listen: port, backend: backend.port }),
      // The access log has a line for each request.
      output: '/dev/null',
    });
  }, 30_000);

  afterAll(async () => {
    await proxy.close();
    await backend.close();
  });

  async function atRest(): Promise<void> {
    await eventually('nothing is under way', async () => isAtRest(await proxy.load()), 60_000);
    backend.requests.length = 0;
  }

  /** What other clients wait for their responses, in ms, one request after the other. */
  async function latencies(client: H2Client): Promise<number[]> {
    const taken: number[] = [];
    for (const end = performance.now() + ROUND_MS; performance.now() < end;) {
      const asked = performance.now();
      expect((await client.get('/')).body).toBe('fine');
      taken.push(performance.now() - asked);
    }
    return taken;
  }

  /** Parts of a flood at full rate: requests, each with `second` behind it, or at the end of the next part. */
  function rapid(second: (stream: number) => Buffer, isLate: boolean): Buffer[] {
    const perPart = (RAPID_PER_SECOND * RAPID_EVERY_MS) / 1_000;
    const ids = (part: number): number[] =>
      Array.from({ length: part < 0 ? 0 : perPart }, (_, i) => (part * perPart + i) * 2 + 1);
    return Array.from({ length: 1_000 / RAPID_EVERY_MS }, (_, part) =>
      Buffer.concat([
        ...ids(part).map((id) => headers(id, get('/never'))),
        ...ids(isLate ? part - 1 : part).map((id) => second(id)),
      ]),
    );
  }

  // E01, E02
  it.each<[what: string, second: (stream: number) => Buffer, isLate: boolean]>([
    ['taken back at once', (stream) => rstStream(stream, ErrorCode.Cancel), false],
    ['taken back when they have reached a backend', (stream) => rstStream(stream, ErrorCode.Cancel), true],
    ['made to be reset', (stream) => windowUpdate(stream, 0), false],
  ])(
    '10,000 requests a second, %s, end their connection within a second, and others hardly notice',
    async (what, second, isLate) => {
      const parts = rapid(second, isLate);
      const bystander = await H2Client.connect(port);
      await latencies(bystander);
      const [before, during, incessant]: [number[], number[], number[]] = [[], [], []];
      let [longest, most, connections] = [0, 0, 0];
      const attack = async (): Promise<void> => {
        const { code, ms } = await flood(port, parts, RAPID_EVERY_MS);
        expect(code).toBe(ErrorCode.EnhanceYourCalm);
        longest = Math.max(longest, ms);
      };
      for (let round = 0; round < ROUNDS; round++) {
        before.push(...(await latencies(bystander)));
        backend.requests.length = 0;
        const others = latencies(bystander);
        await attack();
        during.push(...(await others));
        most = Math.max(most, backend.requests.filter(({ target }) => target === '/never').length);
      }
      // Beyond the row: an attacker who comes back at once, and again.
      for (let round = 0; round < ROUNDS; round++) {
        const others = latencies(bystander);
        for (const end = performance.now() + ROUND_MS; performance.now() < end; connections++) await attack();
        incessant.push(...(await others));
      }
      await bystander.close();
      const p99 = [before, during, incessant].map((taken) => percentile(taken, 0.99)) as [
        number,
        number,
        number,
      ];
      process.stdout.write(
        `${what}: over after ${longest.toFixed(0)} ms at most, ${most} requests reached the backend at most; ` +
          `others' p99 ${p99[1].toFixed(2)} ms, without it ${p99[0].toFixed(2)} ms; ` +
          `with ${connections} such connections in ${(ROUNDS * ROUND_MS) / 1_000} s ${p99[2].toFixed(2)} ms\n`,
      );
      expect(longest).toBeLessThan(1_000);
      expect(most).toBeLessThanOrEqual(200);
      expect(p99[1]).toBeLessThan(p99[0] * 2);
      await atRest();
    },
    120_000,
  );

  // E03
  it('header blocks that do not end hold less than 1 MiB each', async () => {
    // As much as is borne: 16 frames, 32 KiB.
    const part = block([['x-a', 'x'.repeat(1_900)]]);
    const most = Buffer.concat([
      frame(FrameType.Headers, Flag.EndStream, 1, block(get())),
      ...Array.from({ length: 16 }, () => frame(FrameType.Continuation, 0, 1, part)),
    ]);
    await endAll(port, 1_000, Buffer.concat([most, frame(FrameType.Continuation, 0, 1, part)]));
    await atRest();
    const before = proxy.memoryKiB;
    const sockets = await holdAll(port, HELD, most);
    await eventually('they are there', async () => {
      const { workers } = await proxy.load();
      return workers.reduce((sum, { connections }) => sum + connections, 0) === HELD;
    });
    const each = (proxy.memoryKiB - before) / HELD;
    for (const socket of sockets) socket.destroy();
    process.stdout.write(`a header block that does not end: ${each.toFixed(0)} KiB\n`);
    expect(each).toBeLessThan(1_024);
    await atRest();
  }, 120_000);

  // E06
  it(`${OVERFLOWS} connections whose window overflows leave nothing behind`, async () => {
    const overflow = Buffer.concat([headers(1, get('/never')), windowUpdate(0, 2 ** 31 - 1)]);
    await endAll(port, WARM_UP, overflow);
    await atRest();
    const [memory, descriptors] = [proxy.memoryKiB, proxy.descriptors];
    expect(await endAll(port, OVERFLOWS, overflow)).toEqual({ [ErrorCode.FlowControlError]: OVERFLOWS });
    await atRest();
    const grown = proxy.memoryKiB - memory;
    process.stdout.write(`${OVERFLOWS} windows past their bound: memory grew by ${grown} KiB\n`);
    expect(grown).toBeLessThan(MAX_GROWTH_KIB);
    expect(proxy.descriptors - descriptors).toBeLessThan(5);
  }, 300_000);

  // E07
  it.each<[what: string, bytes: Buffer]>([
    ['PING', frame(FrameType.Ping, 0, 0, Buffer.alloc(8))],
    ['SETTINGS', settings([[3, 100]])],
    ['PRIORITY', frame(FrameType.Priority, 0, 1, Buffer.from([0, 0, 0, 3, 10]))],
    ['empty DATA', data(1, '')],
    ['ORIGIN', frame(0xc, 0, 0, Buffer.alloc(32))],
    ['ALTSVC', frame(0xa, 0, 0, Buffer.concat([Buffer.of(0, 1), Buffer.from('ah2=":1"')]))],
  ])(
    'a flood of %s costs next to no CPU time',
    async (what, bytes) => {
      const flooding = Buffer.concat([
        headers(1, post('/never'), 0),
        ...Array.from({ length: 20_000 }, () => bytes),
      ]);
      await endAll(port, 500, flooding);
      const before = proxy.cpuMs;
      expect(await endAll(port, 500, flooding)).toEqual({ [ErrorCode.EnhanceYourCalm]: 500 });
      const each = (proxy.cpuMs - before) / 500;
      process.stdout.write(`20,000 frames of ${what}: ${each.toFixed(2)} ms of CPU time\n`);
      expect(each).toBeLessThan(10);
      await atRest();
    },
    120_000,
  );

  // E10
  it(`${MALFORMED} malformed requests leave nothing behind`, async () => {
    const bad = (stream: number): Buffer =>
      headers(
        stream,
        get('/', [
          ['host', 'example.com'],
          ['x-large', 'x'.repeat(500)],
          ['connection', 'close'],
        ]),
      );
    await resetEverySecond(port, WARM_UP, bad);
    await atRest();
    const memory = proxy.memoryKiB;
    expect(await resetEverySecond(port, MALFORMED, bad)).toEqual({ reset: MALFORMED, served: MALFORMED });
    await atRest();
    const grown = proxy.memoryKiB - memory;
    process.stdout.write(`${MALFORMED} malformed requests: memory grew by ${grown} KiB\n`);
    expect(grown).toBeLessThan(MAX_GROWTH_KIB);
  }, 300_000);
});
