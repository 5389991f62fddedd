import type { ProbeConfig } from '../../api/snapshot.ts';
import type { Dialogue } from './probe-connection.ts';
import { answerTimeout } from './probe-end.ts';
import { fail, PASS } from './probe.ts';

/** The expected text has to come within this much. */
const REPLY_LIMIT = 64 * 1024;

/**
 * A TCP check: the connection comes about, and with `expect` the reply contains that text. What is sent goes out
 * whole before the connection is closed.
 */
export function tcpDialogue(probe: Extract<ProbeConfig, { type: 'TCP' }>, timeoutMs: number): Dialogue {
  const { send, expect } = probe;
  if (expect === undefined) return { send, connected: () => PASS, data: () => PASS, ended: () => PASS };

  const wanted = Buffer.from(expect);
  const unexpected = fail('UnexpectedReply', 'the reply does not contain the expected text');
  let tail: Buffer = Buffer.alloc(0);
  let seen = 0;
  return {
    send,
    data(chunk) {
      seen += chunk.length;
      const text = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
      if (text.includes(wanted)) return PASS;
      if (seen > REPLY_LIMIT) return unexpected;
      // The text may lie across two reads.
      tail = text.subarray(Math.max(0, text.length - wanted.length + 1));
      return undefined;
    },
    ended: () => unexpected,
    timedOut: () => (seen === 0 ? answerTimeout(timeoutMs) : unexpected),
  };
}
