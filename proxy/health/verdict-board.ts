import type { Logger } from 'pino';
import type { EndpointReport, Verdict } from '../../api/health.ts';
import type { Clock } from '../../lib/clock.ts';
import { DRAINING, EXCLUDED, HEALTHY, READY, type SharedTable } from '../state/shared-table.ts';
import { poolName, reportOf, type Member } from './member.ts';
import { judge } from './verdict.ts';

/** An endpoint's state changed, or it was judged for the first time. */
export interface Transition {
  readonly poolUid: string;
  /** `namespace/name`. */
  readonly pool: string;
  readonly slot: number;
  readonly report: EndpointReport;
  readonly previous: Verdict;
}

export interface BoardDeps {
  readonly clock: Clock;
  readonly table: SharedTable;
  readonly log: Logger;
  readonly onTransition: (transition: Transition) => void;
  /** What `reports` shows is another than before: also a reason alone, an endpoint more, or one less. */
  readonly onChange: () => void;
}

/**
 * Where verdicts are published: flags in the shared table, one log line and one call for each transition.
 * `publish` writes flags at once; epochs rise and everything else is told at `flush`, so that endpoints which change
 * together are looked at once.
 */
export class VerdictBoard {
  readonly #deps: BoardDeps;
  readonly #changedUpstreams = new Set<number>();
  #transitions: Transition[] = [];
  #changed = false;

  constructor(deps: BoardDeps) {
    this.#deps = deps;
  }

  /** Brings a member's verdict and flags in line with what is known about it. */
  publish(member: Member): void {
    const { flags, state, source, reason, message } = judge(member.health.facts);
    if (flags !== member.flags) this.#writeFlags(member, flags);
    const previous = member.verdict;
    const kept = previous.state === state;
    if (kept && previous.source === source && previous.reason === reason && previous.message === message) {
      return;
    }
    const since = kept ? previous.since : this.#deps.clock.wall();
    member.verdict = { state, source, reason, message, since };
    this.#changed = true;
    const firstJudged = previous.reason === 'FirstCheckPending' && reason !== 'FirstCheckPending';
    if (!kept || firstJudged) this.#transitions.push(transitionOf(member, previous));
  }

  /** A new member, before its first `publish`. */
  admit(): void {
    this.#changed = true;
  }

  /** Is what the table says of a member still what was published? A worker takes out whom it was refused by. */
  holds({ slot, flags }: Member): boolean {
    return this.#deps.table.flags(slot) === flags;
  }

  /** Writes a member's flags anew, whatever a worker made of them. */
  restore({ slot, flags, upstream }: Member): void {
    this.#deps.table.setFlags(slot, flags);
    this.#changedUpstreams.add(upstream.slot);
  }

  /** A member is one no more. */
  forget(): void {
    this.#changed = true;
  }

  /** Takes a former member's flags away; its slot may get a new owner. */
  withdraw(upstream: number, slot: number): void {
    this.#deps.table.setFlags(slot, 0);
    this.#changedUpstreams.add(upstream);
  }

  /** Tells the workers, then everyone else. */
  flush(): void {
    const { table, clock } = this.#deps;
    for (const slot of this.#changedUpstreams) table.bumpEpoch(slot, clock.now());
    this.#changedUpstreams.clear();
    if (!this.#changed) return;
    this.#changed = false;
    const transitions = this.#transitions;
    this.#transitions = [];
    for (const transition of transitions) {
      this.#log(transition);
      this.#deps.onTransition(transition);
    }
    this.#deps.onChange();
  }

  #writeFlags(member: Member, flags: number): void {
    const { table, clock } = this.#deps;
    const eligible = (flags & (READY | HEALTHY | DRAINING | EXCLUDED)) === (READY | HEALTHY);
    const changes = eligible !== (member.eligibleSince !== undefined);
    // Back with a clean sheet: failures from before its absence say nothing about now.
    if (changes && eligible) table.clearFailures(member.slot);
    // A worker that was refused has taken it out before.
    if (table.flags(member.slot) !== flags) {
      table.setFlags(member.slot, flags);
      this.#changedUpstreams.add(member.upstream.slot);
    }
    member.flags = flags;
    if (changes) member.eligibleSince = eligible ? clock.now() : undefined;
  }

  #log({ pool, report, previous }: Transition): void {
    const { backend, address, port, podName, verdict } = report;
    const { state, source, reason, message } = verdict;
    const endpoint = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    const fields = { pool, backend, endpoint, podName, state, was: previous.state, source, reason };
    const text = `endpoint ${endpoint} is ${state}: ${message}`;
    if (state === 'Unhealthy') this.#deps.log.warn(fields, text);
    else this.#deps.log.info(fields, text);
  }
}

function transitionOf(member: Member, previous: Verdict): Transition {
  const { snapshot } = member.upstream.pool;
  return {
    poolUid: snapshot.uid,
    pool: poolName(snapshot),
    slot: member.slot,
    report: reportOf(member),
    previous,
  };
}
