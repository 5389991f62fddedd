import { encodeToController } from '../../api/control.ts';
import { endpointKey } from '../../api/endpoints.ts';
import type { EndpointReport, Verdict } from '../../api/health.ts';

/**
 * Endpoints that are looked at, and told of in one message, in one go: two milliseconds at most, and with the longest
 * texts far below what a controller takes.
 */
const PART = 250;

interface Told {
  verdict: Verdict;
  /** When it was last there. */
  round: number;
}

/** What one controller has been told about endpoints, so that it is told only what is news. */
export class Reporter {
  /** By pool uid, then by `backend/key`. */
  #told = new Map<string, Map<string, Told>>();
  #round = 0;

  /** The controller knows nothing (any more). */
  reset(): void {
    this.#told = new Map();
  }

  /**
   * The messages that bring the controller up to date. What was yielded counts as told; undefined where there was
   * nothing to tell, as a place to rest.
   */
  *news(reports: ReadonlyMap<string, readonly EndpointReport[]>): Generator<Buffer | undefined> {
    for (const [uid, endpoints] of reports) yield* this.#poolNews(uid, endpoints);
    for (const uid of this.#told.keys()) {
      if (reports.has(uid)) continue;
      this.#told.delete(uid);
      yield health(uid, true, [], []);
    }
  }

  *#poolNews(uid: string, endpoints: readonly EndpointReport[]): Generator<Buffer | undefined> {
    const before = this.#told.get(uid);
    const told = before ?? new Map<string, Told>();
    this.#told.set(uid, told);
    const round = ++this.#round;
    for (let from = 0; from === 0 || from < endpoints.length; from += PART) {
      const replace = before === undefined && from === 0;
      const changed = endpoints.slice(from, from + PART).filter((report) => note(told, report, round));
      const gone = from + PART < endpoints.length ? [] : forgetOthers(told, round);
      const isNews = replace || changed.length > 0 || gone.length > 0;
      yield isNews ? health(uid, replace, changed, gone) : undefined;
    }
  }
}

/** The keys of those that were not there in this round. */
function forgetOthers(told: Map<string, Told>, round: number): string[] {
  const gone: string[] = [];
  for (const [key, each] of told) if (each.round !== round) gone.push(key);
  for (const key of gone) told.delete(key);
  return gone;
}

/** Returns whether it is news. */
function note(told: Map<string, Told>, report: EndpointReport, round: number): boolean {
  const key = keyOf(report);
  const { verdict } = report;
  const known = told.get(key);
  if (known === undefined) {
    told.set(key, { verdict, round });
    return true;
  }
  const isNews = !sameVerdict(known.verdict, verdict);
  known.verdict = verdict;
  known.round = round;
  return isNews;
}

/** Most reports are the same objects as the last time. */
const keys = new WeakMap<EndpointReport, string>();

function keyOf(report: EndpointReport): string {
  let key = keys.get(report);
  if (key === undefined) keys.set(report, (key = `${report.backend}/${endpointKey(report)}`));
  return key;
}

function sameVerdict(a: Verdict, b: Verdict): boolean {
  return (
    a === b ||
    (a.state === b.state &&
      a.source === b.source &&
      a.reason === b.reason &&
      a.message === b.message &&
      a.since === b.since)
  );
}

function health(uid: string, replace: boolean, endpoints: readonly EndpointReport[], gone: string[]): Buffer {
  return encodeToController({
    case: 'health',
    value: {
      uid,
      replace,
      gone,
      endpoints: endpoints.map(({ backend, address, port, targetUid, verdict }) => ({
        backend,
        address,
        port,
        targetUid,
        state: verdict.state,
        source: verdict.source,
        reason: verdict.reason,
        message: verdict.message,
        since: verdict.since,
      })),
    },
  });
}
