import { HpackDecoder } from '../../../proxy/http/h2/hpack/decoder.ts';
import { Fields } from '../../../proxy/http/h2/hpack/fields.ts';
import { block, type FieldList } from './frames.ts';

const fields = new Fields();

/** Fields as they are when a header block was unpacked; they hold until the next call. */
export function unpacked(list: FieldList): Fields {
  const bytes = block(list);
  const decoder = new HpackDecoder({ maxBytes: 65_536, maxFields: 300 });
  if (!decoder.decode(bytes, 0, bytes.length, fields)) throw new Error('a block that cannot be unpacked');
  return fields;
}
