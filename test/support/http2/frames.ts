/** Frames of HTTP/2 (RFC 9113 section 4) as bytes, right or wrong. */

export const FrameType = {
  Data: 0,
  Headers: 1,
  Priority: 2,
  RstStream: 3,
  Settings: 4,
  PushPromise: 5,
  Ping: 6,
  Goaway: 7,
  WindowUpdate: 8,
  Continuation: 9,
} as const;

export const Flag = { EndStream: 1, Ack: 1, EndHeaders: 4, Padded: 8, Priority: 32 } as const;

export const ErrorCode = {
  NoError: 0,
  ProtocolError: 1,
  InternalError: 2,
  FlowControlError: 3,
  StreamClosed: 5,
  FrameSizeError: 6,
  RefusedStream: 7,
  Cancel: 8,
  CompressionError: 9,
  EnhanceYourCalm: 11,
} as const;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function settings(values: readonly (readonly [id: number, value: number])[] = []): Buffer {
  const payload = Buffer.alloc(values.length * 6);
  values.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(FrameType.Settings, 0, 0, payload);
}

export function windowUpdate(stream: number, increment: number): Buffer {
  return frame(FrameType.WindowUpdate, 0, stream, uint32(increment));
}

export function rstStream(stream: number, code: number): Buffer {
  return frame(FrameType.RstStream, 0, stream, uint32(code));
}

export function data(stream: number, content: string | Buffer, flags = 0): Buffer {
  return frame(FrameType.Data, flags, stream, Buffer.from(content as string));
}

export type FieldList = readonly (readonly [name: string, value: string])[];

export function headers(stream: number, fields: FieldList, flags: number = Flag.EndStream): Buffer {
  return frame(FrameType.Headers, flags | Flag.EndHeaders, stream, block(fields));
}

/** A header block of literals without indexing and without Huffman codes (RFC 7541 section 6.2.2). */
export function block(fields: FieldList): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

/** The fields of a GET. */
export function get(path = '/', more: FieldList = []): FieldList {
  return [[':method', 'GET'], [':scheme', 'http'], [':path', path], [':authority', 'example.com'], ...more];
}

export function post(path = '/', more: FieldList = []): FieldList {
  return [[':method', 'POST'], ...get(path).slice(1), ...more];
}

/** An integer of HPACK (RFC 7541 section 5.1). */
export function integer(value: number, prefixBits: number, pattern = 0): Buffer {
  const max = 2 ** prefixBits - 1;
  if (value < max) return Buffer.of(pattern | value);
  const bytes = [pattern | max];
  let left = value - max;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}

function text(value: string): Buffer {
  return Buffer.concat([integer(value.length, 7), Buffer.from(value, 'latin1')]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
