import type { BodyBytes } from '../routing/body-match.ts';
import type { NeedsBody } from '../routing/route-table.ts';
import { ChunkedDecoder } from './h1/chunked-decoder.ts';
import type { RequestHead } from './h1/request-head.ts';

/** A request whose route depends on its body, which is being read. */
export class BodyWait {
  readonly head: RequestHead;
  readonly needs: NeedsBody;

  constructor(head: RequestHead, needs: NeedsBody) {
    this.head = head;
    this.needs = needs;
  }

  /**
   * What the body says, as soon as it can be told; undefined: more of it is needed.
   * @param held its parts are what has come of it, framed as it goes on; asked for once
   * @param bytesIn its content so far
   */
  read(held: { readonly parts: readonly Buffer[] }, bytesIn: number, isDone: boolean): BodyBytes | undefined {
    if (bytesIn > this.needs.maxBytes) return 'unreadable';
    return isDone ? this.#contentOf(held.parts) : undefined;
  }

  #contentOf(parts: readonly Buffer[]): Uint8Array {
    const framed = Buffer.concat(parts);
    if (this.head.body !== 'chunked') return framed;
    const decoder = new ChunkedDecoder('content');
    const content: Buffer[] = [];
    let pos = 0;
    while (!decoder.done) {
      const taken = decoder.decode(framed, pos, framed.length);
      for (let i = 0; i < decoder.rangeCount; i++) {
        content.push(framed.subarray(decoder.ranges[i * 2], decoder.ranges[i * 2 + 1]));
      }
      if (taken <= 0) break;
      pos += taken;
    }
    return Buffer.concat(content);
  }
}
