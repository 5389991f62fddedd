import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { HpackEncoder } from '../../../../../../proxy/http/h2/hpack/encoder.ts';
import { FrameReader } from '../../../../../support/http2/frame-reader.ts';
import { BlockReader, encoded } from '../../../../../support/http2/field-blocks.ts';
import {
  type FieldList,
  Flag,
  frame,
  FrameType,
  PREFACE,
  settings,
} from '../../../../../support/http2/frames.ts';
import { RawH2Client } from '../../../../../support/http2/raw-client.ts';
import { seededRng } from '../../../../../support/seeded-rng.ts';

const REQUESTS = 300;
const HEADER_TABLE_SIZE = 1;

/** Fields of the kinds that come: some the same each time, some of a few values, some that never repeat. */
function randomRequest(rng: () => number, i: number): [string, string][] {
  const pick = (...all: string[]) => all[Math.floor(rng() * all.length)]!;
  const text = (alphabet: string, length: number) =>
    Array.from({ length }, () => alphabet[Math.floor(rng() * alphabet.length)]).join('');
  const list: [string, string][] = [
    [':method', pick('GET', 'POST', 'DELETE')],
    [':scheme', 'http'],
    [':authority', pick('a.example', 'b.example')],
    [':path', pick('/', '/index.html', `/${i}?${text('abcXYZ019%&=~', 20)}`)],
    ['accept-encoding', pick('gzip, deflate', 'br')],
    ['user-agent', 'a client/1.0 (of some length; like those that come)'],
    ['x-request-id', text('0123456789abcdef', 32)],
  ];
  if (rng() < 0.4) list.push(['cookie', text('abcdef=; ', 30).trim()]);
  if (rng() < 0.4) list.push(['authorization', `Bearer ${text('ABCDEFabcdef0123', 40)}`]);
  // Every character that a value may hold, in Huffman's code and not.
  if (rng() < 0.5) list.push([`x-${text('abc', 2)}`, text(VISIBLE, Math.floor(rng() * 60))]);
  if (rng() < 0.1) list.push(['x-large', text('aeiou', 3_000)]);
  return list;
}

const VISIBLE = Array.from({ length: 0x7f - 0x21 }, (_, i) => String.fromCharCode(i + 0x21)).join('');

/** node:http2 merges what is repeated, and orders nothing else. */
function sorted(list: readonly (readonly [string, string])[]): string[] {
  return list.map(([name, value]) => `${name}: ${value}`).toSorted();
}

it.each([4_096, 0, 200])(
  'reads what node:http2 writes, with a table of %d',
  async (tableSize) => {
    const reader = new BlockReader();
    const seen: (FieldList | undefined)[] = [];
    const server = createTcpServer((socket: Socket) => {
      const frames = new FrameReader();
      socket.on('error', () => undefined);
      socket.write(settings([[HEADER_TABLE_SIZE, tableSize]]));
      let preface = PREFACE.length;
      socket.on('data', (bytes: Buffer) => {
        const start = Math.min(preface, bytes.length);
        preface -= start;
        for (const { type, payload, stream, flags } of frames.read(bytes.subarray(start))) {
          if (type === FrameType.Settings && (flags & Flag.Ack) === 0)
            socket.write(frame(FrameType.Settings, Flag.Ack, 0));
          if (type !== FrameType.Headers) continue;
          seen.push(reader.read(payload.subarray((flags & Flag.Priority) === 0 ? 0 : 5)));
          // 200, and the end.
          socket.write(frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, stream, Buffer.of(0x88)));
        }
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client: ClientHttp2Session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => {
      client.destroy();
      server.close();
    });
    await once(client, 'remoteSettings');
    const rng = seededRng(tableSize);
    for (let i = 0; i < REQUESTS; i++) {
      const list = randomRequest(rng, i);
      const stream = client.request(Object.fromEntries(list), { endStream: true });
      await once(stream.resume(), 'close');
      expect(sorted(seen.at(-1)!)).toEqual(sorted(list));
    }
    expect(seen).toHaveLength(REQUESTS);
  },
  60_000,
);

it.each([4_096, 65_536, 0, 100, 1_000])(
  'writes what node:http2 reads, with a table of %d and then of others',
  async (tableSize) => {
    const seen: FieldList[] = [];
    const server = createServer({ settings: { headerTableSize: tableSize } });
    let session: Http2Session | undefined;
    server.on('session', (each) => {
      session = each;
    });
    server.on('stream', (stream: ServerHttp2Stream, _headers, _flags, raw: string[]) => {
      stream.on('error', () => undefined);
      seen.push(Array.from({ length: raw.length / 2 }, (_, i) => [raw[i * 2]!, raw[i * 2 + 1]!] as const));
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      session?.destroy();
      server.close();
    });
    const encoder = new HpackEncoder();
    const client = await RawH2Client.connect((server.address() as AddressInfo).port);
    onTestFinished(async () => client.close());
    const rng = seededRng(tableSize);
    encoder.setMaxTableBytes(tableSize);
    for (let i = 0; i < REQUESTS; i++) {
      if (i % 50 === 49) {
        const next = [0, 4_096, 500, 60][Math.floor(rng() * 4)]!;
        session!.settings({ headerTableSize: next });
        await client.frame('the next settings', ({ type, flags, payload }) => {
          if (type !== FrameType.Settings || flags !== 0) return false;
          for (let at = 0; at < payload.length; at += 6) {
            if (payload.readUInt16BE(at) === HEADER_TABLE_SIZE && payload.readUInt32BE(at + 2) === next)
              return true;
          }
          return false;
        });
        client.frames.length = 0;
        encoder.setMaxTableBytes(next);
        client.send(frame(FrameType.Settings, Flag.Ack, 0));
      }
      const list = randomRequest(rng, i);
      const id = i * 2 + 1;
      client.send(frame(FrameType.Headers, Flag.EndStream | Flag.EndHeaders, id, encoded(encoder, list)));
      expect(await client.ended(id)).toBe('complete');
      expect(sorted(seen.at(-1)!)).toEqual(sorted(list));
    }
    expect(seen).toHaveLength(REQUESTS);
  },
  60_000,
);
