import { encodeToController } from '../../api/control.ts';
import { endpointKey } from '../../api/endpoints.ts';
import type { EndpointReport, Verdict } from '../../api/health.ts';

/** Endpoints in one message: with the longest texts still far below what a controller takes. */
const PART = 1_000;

/** What one controller has been told about endpoints, so that it is told only what is news. */
export class Reporter {
  /** By pool uid, then by `backend/key`. */
  #told = new Map<string, Map<string, Verdict>>();

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
    const now = new Map<string, Verdict>();
    const changed: EndpointReport[] = [];
    for (const report of endpoints) {
      const key = reportKey(report);
      now.set(key, report.verdict);
      const told = before?.get(key);
      if (told === undefined || !sameVerdict(told, report.verdict)) changed.push(report);
    }
    const gone = before === undefined ? [] : [...before.keys()].filter((key) => !now.has(key));
    this.#told.set(uid, now);
    if (before !== undefined && changed.length === 0 && gone.length === 0) return [];
    const messages = [health(uid, before === undefined, changed.slice(0, PART), gone)];
    for (let from = PART; from < changed.length; from += PART) {
      messages.push(health(uid, false, changed.slice(from, from + PART), []));
    }
    return messages;
  }
}

function reportKey(report: EndpointReport): string {
  return `${report.backend}/${endpointKey(report)}`;
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
