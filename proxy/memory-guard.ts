import { totalmem } from 'node:os';
import type { Logger } from 'pino';
import type { Clock } from '../lib/clock.ts';
import { memoryReader } from './memory-use.ts';

/** Shares of the limit: from the one on new work is shed, below the other it is taken again. */
const SHED_FROM = 0.95;
const TAKE_BELOW = 0.9;
const CHECK_MS = 100;

/** What this process may use, and uses. */
export interface Memory {
  readonly limitBytes: number;
  usedBytes(): number;
}

/** Undefined: nobody has set a limit. */
export function systemMemory(): Memory | undefined {
  const limitBytes = process.constrainedMemory();
  if (limitBytes <= 0 || limitBytes >= totalmem()) return undefined;
  return { limitBytes, usedBytes: memoryReader() };
}

/**
 * Says when new work is to be shed because memory is nearly used up, so that what is under way goes on and the kernel
 * does not end the process. Looks ten times a second; what one look misses has to fit into the last 5 %.
 */
export class MemoryGuard {
  readonly #memory: Memory;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #shed: (value: boolean) => void;
  #isShedding = false;
  #cancel: () => void;

  constructor(memory: Memory, { clock, log }: { clock: Clock; log: Logger }, shed: (value: boolean) => void) {
    this.#memory = memory;
    this.#clock = clock;
    this.#log = log;
    this.#shed = shed;
    this.#cancel = clock.after(CHECK_MS, () => this.#look());
  }

  close(): void {
    this.#cancel();
  }

  #look(): void {
    const { limitBytes } = this.#memory;
    const usedBytes = this.#memory.usedBytes();
    const isShedding = usedBytes >= limitBytes * (this.#isShedding ? TAKE_BELOW : SHED_FROM);
    if (isShedding !== this.#isShedding) {
      this.#isShedding = isShedding;
      const facts = { usedBytes, limitBytes };
      if (isShedding) this.#log.error(facts, 'memory is nearly used up: new work is shed');
      else this.#log.warn(facts, 'there is memory again: new work is taken');
      this.#shed(isShedding);
    }
    this.#cancel = this.#clock.after(CHECK_MS, () => this.#look());
  }
}
