import { Writable } from 'node:stream';
import pino from 'pino';
import { expect, it } from 'vitest';
import { encodeToController } from '../../../api/control.ts';
import { systemClock } from '../../../lib/clock.ts';
import { ControllerLink } from '../../../proxy/sync/controller-link.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { seededRng } from '../../support/seeded-rng.ts';

it('says once why a controller cannot be reached, however often it tries', async () => {
  const [port] = await freePorts(1);
  const lines: string[] = [];
  const log = pino(
    new Writable({
      write(chunk: Buffer, _, done) {
        lines.push(chunk.toString());
        done();
      },
    }),
  );
  let attempts = 0;
  const link = new ControllerLink({
    address: `127.0.0.1:${port}`,
    hello() {
      attempts += 1;
      return encodeToController({ case: 'ready', value: {} });
    },
    onOpen: () => undefined,
    onLost: () => undefined,
    onMessage: () => undefined,
    clock: systemClock,
    rng: seededRng(1),
    log,
  });
  await eventually('it has tried again and again', () => attempts >= 4);
  link.close();
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    controller: `127.0.0.1:${port}`,
    msg: 'cannot reach a controller',
  });
  expect(lines[0]).toContain('ECONNREFUSED');
});
