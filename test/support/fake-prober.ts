import type { Clock } from '../../lib/clock.ts';
import { PASS, type ProbeResult, type ProbeTarget } from '../../proxy/health/probe.ts';
import type { Prober } from '../../proxy/health/prober.ts';

/** Answers probes as the test says, a fixed time after they begin, and remembers them. */
export class FakeProber implements Prober {
  /** By `address:port`; what is not named passes, and `hang` never ends. */
  readonly answers = new Map<string, ProbeResult | 'hang'>();
  readonly begun: { readonly at: number; readonly target: ProbeTarget }[] = [];
  readonly #clock: Clock;
  readonly #latencyMs: number;
  underWay = 0;
  mostUnderWay = 0;
  closed = false;

  constructor(clock: Clock, latencyMs = 1) {
    this.#clock = clock;
    this.#latencyMs = latencyMs;
  }

  readonly run: Prober['run'] = (target, done) => {
    this.begun.push({ at: this.#clock.now(), target });
    this.underWay++;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    const ends = (result: ProbeResult): void => {
      this.underWay--;
      done(result);
    };
    const answer = this.answers.get(`${target.address}:${target.port}`) ?? PASS;
    const cancel =
      answer === 'hang'
        ? this.#clock.after(target.spec.timeoutMs, () =>
            ends({ kind: 'fail', reason: 'Timeout', message: 'no answer' }),
          )
        : this.#clock.after(this.#latencyMs, () => ends(answer));
    return () => {
      this.underWay--;
      cancel();
    };
  };

  close(): void {
    this.closed = true;
  }

  /** Times at which `address:port` was probed. */
  timesOf(endpoint: string): number[] {
    return this.begun
      .filter(({ target }) => `${target.address}:${target.port}` === endpoint)
      .map(({ at }) => at);
  }
}
