import { randomBytes } from 'node:crypto';

export interface HelloOptions {
  /** Absent: no extension for it. */
  readonly serverName?: string;
  /** Further bytes, in an extension that nobody knows. */
  readonly padding?: number;
  /** Bytes of the message in each record. */
  readonly recordBytes?: number;
  /** The whole extension for the server name, instead. */
  readonly serverNameExtension?: Buffer;
  /** Extensions behind the others. */
  readonly more?: readonly Buffer[];
}

const SERVER_NAME = 0;
const PADDING = 21;

/** A ClientHello in its records, as far as a server name is to be found in it. */
export function clientHello(options: HelloOptions = {}): Buffer {
  const { serverName, padding = 0, recordBytes = 16_384, serverNameExtension, more = [] } = options;
  const extensions = [
    ...(serverNameExtension === undefined ? [] : [serverNameExtension]),
    ...(serverName === undefined ? [] : [extension(SERVER_NAME, nameList(serverName))]),
    ...(padding === 0 ? [] : [extension(PADDING, Buffer.alloc(padding))]),
    ...more,
  ];
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    randomBytes(32),
    vector(1, randomBytes(32)),
    vector(2, Buffer.from([0x13, 0x01, 0xc0, 0x2b])),
    vector(1, Buffer.from([0])),
    ...(extensions.length === 0 ? [] : [vector(2, Buffer.concat(extensions))]),
  ]);
  return inRecords(Buffer.concat([Buffer.from([1]), vector(3, body)]), recordBytes);
}

export function inRecords(message: Buffer, recordBytes: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += recordBytes) {
    records.push(Buffer.from([22, 3, 1]), vector(2, message.subarray(at, at + recordBytes)));
  }
  return Buffer.concat(records);
}

/** What the extension for server names holds. */
export function nameList(...names: readonly string[]): Buffer {
  return vector(
    2,
    Buffer.concat(
      names.map((name) => Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(name, 'latin1'))])),
    ),
  );
}

export function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, content)]);
}

/** Bytes with their number in front of them. */
function vector(lengthBytes: number, bytes: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(bytes.length, 0, lengthBytes);
  return Buffer.concat([length, bytes]);
}
