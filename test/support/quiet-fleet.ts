import pino from 'pino';
import { Fleet } from '../../controller/push/fleet.ts';
import type { Clock } from '../../lib/clock.ts';
import { seededRng } from './seeded-rng.ts';

/** A controller's fleet that nobody listens to. */
export function quietFleet(clock: Clock): Fleet {
  const ignore = (): void => undefined;
  return new Fleet({
    controller: 'c',
    clock,
    rng: seededRng(1),
    log: pino({ level: 'silent' }),
    events: {
      pushed: ignore,
      nacked: ignore,
      applied: ignore,
      health: ignore,
      traffic: ignore,
      forgetHealth: ignore,
      spreading: ignore,
      changed: ignore,
      deposed: ignore,
    },
  });
}
