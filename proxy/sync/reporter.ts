import { encodeToController } from '../../api/control.ts';
import { endpointKey } from '../../api/endpoints.ts';
import type { EndpointReport, Verdict } from '../../api/health.ts';

/** Endpoints in one message: with the longest texts still far below what a controller takes. */
const PART = 1_000;

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

  /** The messages that bring the controller up to date. */
  news(reports: ReadonlyMap<string, readonly EndpointReport[]>): Buffer[] {
    const messages: Buffer[] = [];
    for (const [uid, endpoints] of reports) messages.push(...this.#poolNews(uid, endpoints));
    for (const uid of this.#told.keys()) {
      if (reports.has(uid)) continue;
      this.#told.delete(uid);
      messages.push(health(uid, true, [], []));
    }
    return messages;
  }

  #poolNews(uid: string, endpoints: readonly EndpointReport[]): Buffer[] {
    const before = this.#told.get(uid);
    const told = before ?? new Map<string, Told>();
    const round = ++this.#round;
    const changed: EndpointReport[] = [];
    for (const report of endpoints) {
      const key = keyOf(report);
      const known = told.get(key);
      const { verdict } = report;
      if (known === undefined || !sameVerdict(known.verdict, verdict)) changed.push(report);
      if (known === undefined) told.set(key, { verdict, round });
      else Object.assign(known, { verdict, round });
    }
    const gone: string[] = [];
    for (const [key, each] of told) if (each.round !== round) gone.push(key);
    for (const key of gone) told.delete(key);
    this.#told.set(uid, told);
    if (before !== undefined && changed.length === 0 && gone.length === 0) return [];
    const messages = [health(uid, before === undefined, changed.slice(0, PART), gone)];
    for (let from = PART; from < changed.length; from += PART) {
      messages.push(health(uid, false, changed.slice(from, from + PART), []));
    }
    return messages;
  }
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
