import { parseAuthority } from '../authority.ts';
import { latin1 } from './latin1.ts';

export interface Authority {
  /** As the client wrote it. */
  readonly text: string;
  /** See `parseAuthority`. */
  readonly hostname: string;
}

const SLOTS = 256;

/**
 * Remembers the last valid Host values, one for each of 256 hashes, so that a known one costs neither a string nor
 * a check. Its size is fixed, whatever clients send.
 */
export class AuthorityCache {
  readonly #slots: (Authority | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

  #last: Authority | undefined;

  /** The authority in `bytes[start, end)`; undefined when it is not valid. */
  get(bytes: Buffer, start: number, end: number): Authority | undefined {
    if (this.#last !== undefined && isText(bytes, start, end, this.#last.text)) return this.#last;
    this.#last = this.#find(bytes, start, end);
    return this.#last;
  }

  #find(bytes: Buffer, start: number, end: number): Authority | undefined {
    let hash = end - start;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known !== undefined && isText(bytes, start, end, known.text)) return known;
    const text = latin1(bytes, start, end);
    const hostname = parseAuthority(text);
    if (hostname === undefined) return undefined;
    const authority = { text, hostname };
    this.#slots[slot] = authority;
    return authority;
  }
}

function isText(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
