import type { ProbeConfig } from '../../api/snapshot.ts';
import { fail, PASS, type ProbeResult } from './probe.ts';

export type HttpProbe = Extract<ProbeConfig, { type: 'HTTP' }>;

const BODY_LIMIT = 64 * 1024;
const TOO_LONG = fail('UnexpectedBody', 'the body is longer than 64 KiB');

/** What an HTTP check wants of an answer, in whichever version that comes; for one answer. */
export class HttpExpectation {
  /** Bytes of the body so far. */
  received = 0;
  readonly #probe: HttpProbe;
  readonly #parts: Buffer[] = [];

  constructor(probe: HttpProbe) {
    this.#probe = probe;
  }

  /** Undefined: it is one of those wanted. */
  status(status: number): ProbeResult | undefined {
    const { expectedStatuses } = this.#probe;
    if (expectedStatuses.some(({ start, end }) => start <= status && status <= end)) return undefined;
    return fail('UnexpectedStatus', `HTTP ${status}, wanted ${statusText(expectedStatuses)}`);
  }

  /** A piece of the body, which may have 64 KiB, also when nobody looks into it. Undefined: so far it does not. */
  body(part: Buffer): ProbeResult | undefined {
    this.received += part.length;
    if (this.received > BODY_LIMIT) return TOO_LONG;
    if (this.#probe.expectedBody !== undefined) this.#parts.push(part);
    return undefined;
  }

  /** The body is complete. */
  end(): ProbeResult {
    const { expectedBody } = this.#probe;
    if (expectedBody === undefined || Buffer.concat(this.#parts).includes(expectedBody)) return PASS;
    return fail('UnexpectedBody', 'the body does not contain the expected text');
  }
}

function statusText(ranges: HttpProbe['expectedStatuses']): string {
  return ranges.map(({ start, end }) => (start === end ? `${start}` : `${start}-${end}`)).join(', ');
}
