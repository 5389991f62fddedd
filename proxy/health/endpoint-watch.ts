import type { ProbeResult, ProbeSpec } from './probe.ts';
import type { ProbeScheduler, Watch } from './scheduler.ts';

/** What an endpoint's probe is about and at which pace; undefined where none is wanted. */
export interface WantedProbe {
  readonly address: string;
  readonly port: number;
  readonly spec: ProbeSpec;
  readonly urgent: boolean;
}

/** One place of an endpoint for a probe: follows what is wanted, restarting only when another probe is. */
export class EndpointWatch {
  readonly #scheduler: ProbeScheduler;
  readonly #onResult: (result: ProbeResult, startedAt: number) => void;
  #watch: Watch | undefined;
  #watching: WantedProbe | undefined;

  constructor(scheduler: ProbeScheduler, onResult: (result: ProbeResult, startedAt: number) => void) {
    this.#scheduler = scheduler;
    this.#onResult = onResult;
  }

  follow(wanted: WantedProbe | undefined): void {
    if (wanted === undefined) {
      this.#watch?.stop();
      this.#watch = undefined;
    } else if (this.#watch !== undefined && sameProbe(this.#watching, wanted)) {
      this.#watch.urgent(wanted.urgent);
    } else {
      const before = this.#watch;
      this.#watch = this.#scheduler.watch(wanted, wanted.urgent, this.#onResult);
      before?.stop();
    }
    this.#watching = wanted;
  }

  /** Probes as soon as possible, if a probe is wanted at all. */
  now(): void {
    this.#watch?.now();
  }
}

function sameProbe(a: WantedProbe | undefined, b: WantedProbe): boolean {
  return a !== undefined && a.spec.key === b.spec.key && a.port === b.port && a.address === b.address;
}
