import type { ActiveCheck, Endpoint, PassiveHealth } from '../../api/snapshot.ts';
import { ejectionMs, ejectionStep, type EjectionHistory } from './outlier.ts';
import type { ProbeResult } from './probe.ts';
import { FAILING, nextCheckState, PASSING, PENDING, type CheckState } from './threshold.ts';
import type { Facts, Finding } from './verdict.ts';

/** An endpoint that is refused again within this time after its return has to prove itself longer. */
const FLAP_WINDOW_MS = 60_000;
const MOST_PASSES = 4;

const AWAITED: Finding = {
  source: 'Active',
  reason: 'FirstCheckPending',
  message: 'waiting for the first check to pass',
};
const PASSED: Finding = { source: 'Active', reason: 'CheckPassed', message: 'check passed' };
const REACHED: Finding = { source: 'Active', reason: 'CheckPassed', message: 'accepts connections again' };

/** What probing an endpoint takes at the moment. */
export interface ProbeNeeds {
  /** The configured check. */
  readonly check: boolean;
  /** Our own probe of the serving port (reachability.ts). */
  readonly reach: boolean;
  /** The check at its fast pace. */
  readonly urgent: boolean;
}

/**
 * What is known about one endpoint: it takes in results and reports and yields `facts` for the verdict. No I/O, no
 * clock: times (`now`, `startedAt`) are monotonic milliseconds and come as arguments.
 *
 * A refused connection acts at once. If the check proves reachability (`proves`), the check counts as failed and
 * passes by its own threshold; otherwise the endpoint is unreachable until our own probe has passed: once, or twice
 * as often as the last time (at most 4 times) when that was less than a minute ago, so that flapping is damped.
 *
 * An ejection is for an endpoint whose traffic fails while nothing else speaks against it. One that a refusal or the
 * check then shows to be down was no outlier: the ejection is taken back, and its return is theirs to decide.
 */
export class EndpointHealth {
  endpoint: Endpoint;
  drained = false;
  /** Why the last failure that workers reported came about; '' when none was. */
  lastCause = '';

  #thresholds: ActiveCheck | undefined;
  #proves = false;
  #check: CheckState | undefined;
  #failing: Finding | undefined;

  /** A worker could not connect, for a reason that is no refusal: confirm it or clear it, now. */
  #suspect = false;
  #unreachable: Finding | undefined;
  #passesNeeded = 1;
  #passesLeft = 0;
  #reachedAt = -Infinity;
  /** Passes of probes that began earlier than this are about the time before. */
  #refusedAt = -Infinity;

  #ejection: { readonly endsAt: number; readonly finding: Finding } | undefined;
  #history: EjectionHistory = { count: 0, endedAt: -Infinity };
  #historyBefore = this.#history;
  #well: Finding | undefined;

  constructor(endpoint: Endpoint, check: ActiveCheck | undefined, proves: boolean) {
    this.endpoint = endpoint;
    this.#thresholds = check;
    this.#proves = proves;
    if (check !== undefined) this.#check = check.initialState === 'Unhealthy' ? PENDING : PASSING;
    if (this.#check === PENDING) this.#failing = AWAITED;
  }

  /**
   * Another check, or none. What the old one said stands until the new one has decided; a first check on an endpoint
   * that was in use without one starts from `Passing`.
   */
  setCheck(check: ActiveCheck | undefined, proves: boolean): void {
    this.#thresholds = check;
    this.#proves = proves;
    if (check === undefined) {
      this.#check = undefined;
      this.#failing = undefined;
      this.#well = undefined;
      return;
    }
    this.#check = { verdict: this.#check?.verdict ?? 'Passing', run: 0 };
    if (proves && this.#unreachable !== undefined) {
      this.#check = FAILING;
      this.#failing = this.#unreachable;
      this.#unreachable = undefined;
    }
  }

  get ejection(): { readonly endsAt: number } | undefined {
    return this.#ejection;
  }

  /** Nothing but an ejection keeps it out. */
  get sound(): boolean {
    return this.#unreachable === undefined && this.#failing === undefined;
  }

  /** May take traffic as far as its resource and people are concerned. */
  get offered(): boolean {
    return this.endpoint.condition === 'Ready' && this.endpoint.override === undefined && !this.drained;
  }

  get facts(): Facts {
    return {
      condition: this.endpoint.condition,
      override: this.endpoint.override,
      drained: this.drained,
      unreachable: this.#unreachable,
      ejected: this.#ejection?.finding,
      failing: this.#failing,
      well: this.#well,
    };
  }

  /** An endpoint that takes nothing is not probed; its verdict waits for the day it is ready again. */
  get needs(): ProbeNeeds {
    const ready = this.endpoint.condition !== 'NotReady';
    return {
      check: ready && this.#thresholds !== undefined,
      reach: ready && (this.#unreachable !== undefined || (this.#suspect && !this.#proves)),
      urgent: this.#suspect || this.#check?.verdict !== 'Passing',
    };
  }

  /** A result of the configured check. */
  checked(result: ProbeResult, startedAt: number, now: number): void {
    if (this.#check === undefined || this.#thresholds === undefined) return;
    if (result.kind === 'unknown') {
      if (this.#failing?.reason === 'FirstCheckPending') {
        this.#failing = { ...AWAITED, message: `${AWAITED.message}; ${result.message}` };
      }
      return;
    }
    if (result.kind === 'fail') {
      const finding: Finding = { source: 'Active', reason: result.reason, message: result.message };
      if (result.reason === 'ConnectRefused' && this.#proves) this.refused(finding, now);
      else {
        this.#check = nextCheckState(this.#check, false, this.#thresholds);
        if (this.#check.verdict !== 'Passing') this.#fail(finding);
      }
      return;
    }
    if (startedAt < this.#refusedAt) return;
    this.#suspect = false;
    this.#check = nextCheckState(this.#check, true, this.#thresholds);
    if (this.#check.verdict !== 'Passing') return;
    if (this.#failing !== undefined) this.#well = undefined;
    this.#failing = undefined;
    this.#well ??= PASSED;
  }

  /** A result of our own probe of the serving port. */
  reached(result: ProbeResult, startedAt: number, now: number): void {
    if (result.kind === 'unknown' || startedAt < this.#refusedAt) return;
    if (result.kind === 'fail') {
      const finding: Finding = { source: 'Active', reason: result.reason, message: result.message };
      if (this.#unreachable !== undefined || this.#suspect) this.refused(finding, now);
      return;
    }
    this.#suspect = false;
    if (this.#unreachable === undefined) return;
    this.#passesLeft--;
    if (this.#passesLeft > 0) return;
    this.#unreachable = undefined;
    this.#reachedAt = now;
    this.#well = REACHED;
  }

  /** A connection was refused (or found impossible, and confirmed): out at once, whatever the thresholds. */
  refused(finding: Finding, now: number): void {
    this.#suspect = false;
    this.#refusedAt = now;
    if (this.#proves && this.#check !== undefined) {
      // An endpoint that has never passed goes on waiting for its one first pass.
      if (this.#check.verdict === 'Pending')
        this.#check = nextCheckState(this.#check, false, this.#thresholds!);
      else this.#check = FAILING;
      this.#fail(finding);
      return;
    }
    if (this.#unreachable === undefined) {
      const flapping = now - this.#reachedAt < FLAP_WINDOW_MS;
      this.#passesNeeded = flapping ? Math.min(2 * this.#passesNeeded, MOST_PASSES) : 1;
    }
    this.#unreachable = finding;
    this.#passesLeft = this.#passesNeeded;
    this.#takeBackEjection();
  }

  /** A worker could not connect; not refused, so it may be the path or the proxy itself. */
  suspected(): void {
    if (this.sound) this.#suspect = true;
  }

  eject(run: number, passive: Extract<PassiveHealth, { mode: 'Enabled' }>, now: number): void {
    const step = ejectionStep(this.#history, passive, now);
    const ms = ejectionMs(step, passive);
    const last = this.lastCause === '' ? '' : `, the last: ${this.lastCause}`;
    const message = `${run} failures in a row${last}; ejected for ${ms / 1000} s`;
    this.#ejection = {
      endsAt: now + ms,
      finding: { source: 'Passive', reason: 'ConsecutiveFailures', message },
    };
    this.#historyBefore = this.#history;
    this.#history = { count: step + 1, endedAt: now + ms };
    // It may simply be down: a killed process resets what it had before anybody is refused.
    this.#suspect = true;
  }

  restore(now: number): void {
    this.#ejection = undefined;
    this.#history = { count: this.#history.count, endedAt: now };
    this.#well = { source: 'Passive', reason: 'EjectionOver', message: 'back after its ejection' };
  }

  #fail(finding: Finding): void {
    this.#failing = finding;
    this.#well = undefined;
    this.#takeBackEjection();
  }

  #takeBackEjection(): void {
    if (this.#ejection === undefined) return;
    this.#ejection = undefined;
    this.#history = this.#historyBefore;
  }
}
