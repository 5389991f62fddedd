import { pino } from 'pino';
import { systemClock, systemRng } from '../../lib/clock.ts';
import { Proxy } from '../../proxy/proxy.ts';

/** A proxy with two real worker threads on loopback, in this process, that says nothing. */
export function startWholeProxy(over: Partial<Parameters<typeof Proxy.start>[0]> = {}): Promise<Proxy> {
  return Proxy.start({
    bindAddress: '127.0.0.1',
    workers: 2,
    clock: systemClock,
    rng: systemRng,
    log: pino({ level: 'silent' }),
    accessLog: false,
    maxConnections: 10_000,
    ...over,
  });
}
