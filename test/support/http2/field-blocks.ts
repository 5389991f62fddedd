import { HpackDecoder } from '../../../proxy/http/h2/hpack/decoder.ts';
import type { HpackEncoder } from '../../../proxy/http/h2/hpack/encoder.ts';
import { Fields } from '../../../proxy/http/h2/hpack/fields.ts';
import type { FieldList } from './frames.ts';

const WIDE = { maxBytes: 65_536, maxFields: 1_000 };

/** Decodes the blocks of one connection; what they hold is readable. */
export class BlockReader {
  readonly fields = new Fields();
  readonly #decoder: HpackDecoder;

  constructor(limits = WIDE) {
    this.#decoder = new HpackDecoder(limits);
  }

  /** The fields of a block; undefined: it is none. */
  read(block: Buffer): FieldList | undefined {
    const { fields } = this;
    // In the middle of other bytes, as it comes.
    const around = Buffer.concat([Buffer.from('before'), block, Buffer.from('behind')]);
    if (!this.#decoder.decode(around, 6, 6 + block.length, fields)) return undefined;
    return Array.from({ length: fields.count }, (_, i) => [fields.name(i), fields.value(i)] as const);
  }
}

/** One block with these fields. */
export function encoded(encoder: HpackEncoder, list: FieldList): Buffer {
  encoder.begin();
  for (const [name, value] of list) {
    const bytes = Buffer.from(name + value, 'latin1');
    encoder.line(bytes, 0, name.length, name.length, bytes.length);
  }
  return Buffer.from(encoder.bytes.subarray(0, encoder.length));
}
