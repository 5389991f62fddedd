import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import pino from 'pino';
import type { Endpoint } from '../../api/snapshot.ts';
import { systemClock, systemRng } from '../../lib/clock.ts';
import { startProxySync } from '../../proxy/sync/sync.ts';
import { RecordingSink } from '../../test/support/recording-sink.ts';

import { cpuSeconds } from './controller.ts';

/** An endpoint whose pod has this in its uid is the n-th change; it is met in every proxy when it is applied. */
export const CHANGE = 'change-';

/** Milliseconds of a clock that all processes share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

interface Setup {
  readonly count: number;
  readonly controllers: string;
  readonly dir: string;
}

/** Number of the change and time, in turn. */
type Applied = readonly number[];

/** Simulated proxies in one process: the real client code with nothing behind it. */
export class Proxies {
  readonly count: number;
  readonly #child: ChildProcess;
  /** By change, when each proxy had it. */
  readonly #applied = new Map<number, number[]>();

  private constructor(child: ChildProcess, count: number) {
    this.#child = child;
    this.count = count;
    child.on('message', (applied: Applied) => {
      for (let i = 0; i < applied.length; i += 2) {
        const times = this.#applied.get(applied[i]!);
        if (times === undefined) this.#applied.set(applied[i]!, [applied[i + 1]!]);
        else times.push(applied[i + 1]!);
      }
    });
  }

  static start(setup: Setup): Proxies {
    return new Proxies(fork(import.meta.filename, [JSON.stringify(setup)]), setup.count);
  }

  /** When each proxy that has it applied the change. */
  applied(change: number): readonly number[] {
    return this.#applied.get(change) ?? [];
  }

  /** Of all of them together. */
  cpuSeconds(): Promise<number> {
    return cpuSeconds(this.#child.pid!);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

async function main({ count, controllers, dir }: Setup): Promise<void> {
  process.once('disconnect', () => process.exit());
  let applied: number[] = [];
  setInterval(() => {
    if (applied.length > 0) process.send!(applied);
    applied = [];
  }, 50);
  for (let i = 0; i < count; i += 1) {
    const sink = new RecordingSink();
    sink.judge = (snapshot) => {
      const at = now();
      const before = sink.serving.get(snapshot.uid)?.endpoints['v1'] ?? [];
      for (const change of changesIn(before, snapshot.endpoints['v1'] ?? [])) applied.push(change, at);
      return { ok: true };
    };
    await startProxySync({
      controllers,
      name: `proxy-${i}`,
      version: 'bench',
      stateDir: join(dir, `proxy-${i}`),
      sink,
      clock: systemClock,
      rng: systemRng,
      log: pino({ level: 'silent' }),
    });
  }
}

/** Endpoints keep their places here, and those that did not change are the same objects. */
function* changesIn(before: readonly Endpoint[], after: readonly Endpoint[]): Generator<number> {
  for (const [i, endpoint] of after.entries()) {
    if (endpoint !== before[i] && endpoint.targetUid.startsWith(CHANGE))
      yield Number(endpoint.targetUid.slice(CHANGE.length));
  }
}

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2]!) as Setup);
