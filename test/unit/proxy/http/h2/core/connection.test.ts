import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Sent } from '../../../../../../proxy/conn/sender.ts';
import { CoreEnd } from '../../../../../support/http2/core-end.ts';
import {
  block,
  data,
  ErrorCode,
  Flag,
  frame,
  FrameType,
  get,
  headers,
  post,
  PREFACE,
  rstStream,
  settings,
  windowUpdate,
} from '../../../../../support/http2/frames.ts';

const INITIAL_WINDOW_SIZE = 4;
const MAX_INT31 = 2 ** 31 - 1;
/** What a server says to a handshake. */
const HANDSHAKE = ['Settings', 'WindowUpdate 0 +983041', 'Settings ack'];
const SETTINGS_ACK = frame(FrameType.Settings, Flag.Ack, 0);

function padded(stream: number, content: string, padding: number, flags = 0): Buffer {
  const payload = Buffer.concat([Buffer.of(padding), Buffer.from(content), Buffer.alloc(padding)]);
  return frame(FrameType.Data, flags | Flag.Padded, stream, payload);
}

function ping(payload = Buffer.alloc(8, 7)): Buffer {
  return frame(FrameType.Ping, 0, 0, payload);
}

describe('an HTTP/2 server', () => {
  let server: CoreEnd;

  beforeEach(async () => {
    server = CoreEnd.server();
    expect(await server.said()).toEqual(HANDSHAKE);
  });

  it('serves a request, and is done with it when both have said all', async () => {
    server.take(headers(1, post(), 0), data(1, 'hello'), data(1, '', Flag.EndStream));
    const [stream] = server.streams;
    expect(stream!.heard).toEqual([
      'request :method=POST :scheme=http :path=/ :authority=example.com',
      'end 5',
    ]);
    stream!.head200();
    expect(stream!.send('hi', true)).toBe(Sent.Flushed);
    expect(stream!.heard.at(-1)).toBe('closed 0 ended');
    expect(await server.said()).toEqual(['Headers 1', 'Data 1 +2 end']);
  });

  it('sends all that one turn of the loop has brought in one write', async () => {
    server.onRequest = (stream) => {
      stream.head200();
      stream.send('hello', true);
    };
    const before = server.wire.writes.length;
    server.take(headers(1, get()), ping());
    server.take(headers(3, get()));
    expect(await server.said()).toHaveLength(5);
    expect(server.wire.writes.length).toBe(before + 1);
  });

  it('has trailers both ways, and no content after its own', async () => {
    server.take(headers(1, post(), 0), data(1, 'x'), headers(1, [['x-sum', '1']]));
    const [stream] = server.streams;
    expect(stream!.heard.slice(1)).toEqual(['trailers x-sum=1', 'end 1']);
    stream!.head200();
    stream!.send('y', true, 'x-sum: 2\r\n');
    expect(await server.said()).toEqual(['Headers 1', 'Data 1 +1', 'Headers 1 end']);
    expect(stream!.send('z')).toBe(Sent.Full);
    expect(await server.said()).toEqual([]);
  });

  it('tells its peer that it need not go on when it was answered early', async () => {
    server.take(headers(1, post(), 0), data(1, 'x'));
    const [stream] = server.streams;
    stream!.head200();
    stream!.stream.leave();
    server.take(data(1, 'y'));
    stream!.send('done', true);
    expect(await server.said()).toEqual(['Headers 1', 'Data 1 +4 end', 'RstStream 1 code 0']);
    expect(stream!.content).toBe('x');
    // It may not have heard of it.
    server.take(data(1, 'z'), headers(1, [['a', 'b']]), ping());
    expect(await server.said()).toEqual(['Ping ack']);
  });

  it('tells the owner of a stream that it has reset nothing more, in the middle of a frame', async () => {
    server.take(headers(1, post(), 0));
    const [stream] = server.streams;
    const bytes = data(1, 'abcdef', Flag.EndStream);
    server.take(bytes.subarray(0, 12));
    stream!.stream.reset(ErrorCode.Cancel);
    server.take(bytes.subarray(12), ping());
    expect(stream!.content).toBe('abc');
    expect(stream!.heard.slice(1)).toEqual([`closed ${ErrorCode.Cancel} us`]);
    expect(await server.said()).toEqual([`RstStream 1 code ${ErrorCode.Cancel}`, 'Ping ack']);
  });

  // RFC 9113, by section
  const OPEN = headers(1, post(), 0);
  const HALF = headers(1, get());
  it.each<[what: string, frames: readonly Buffer[], code: number]>([
    [
      'a frame that is too large (4.2)',
      [frame(FrameType.Headers, 4, 1, Buffer.alloc(16_385))],
      ErrorCode.FrameSizeError,
    ],
    [
      'a frame within a header block (4.3)',
      [frame(FrameType.Headers, 0, 1, block(get())), ping()],
      ErrorCode.ProtocolError,
    ],
    [
      'DATA within a header block (4.3)',
      [OPEN, frame(FrameType.Headers, 1, 1, block(get())), data(1, 'x')],
      ErrorCode.ProtocolError,
    ],
    [
      'an unknown frame within a header block (5.5)',
      [frame(FrameType.Headers, 0, 1, block(get())), frame(99, 0, 1)],
      ErrorCode.ProtocolError,
    ],
    [
      'CONTINUATION of another stream (6.10)',
      [frame(FrameType.Headers, 0, 1, block(get())), frame(FrameType.Continuation, 4, 3)],
      ErrorCode.ProtocolError,
    ],
    [
      'CONTINUATION without a header block (6.10)',
      [frame(FrameType.Continuation, 4, 1)],
      ErrorCode.ProtocolError,
    ],
    [
      'a header block that cannot be unpacked (4.3)',
      [frame(FrameType.Headers, 5, 1, Buffer.of(0x80))],
      ErrorCode.CompressionError,
    ],
    ['a stream with an even number (5.1.1)', [headers(2, get())], ErrorCode.ProtocolError],
    ['a stream that was skipped (5.1.1)', [headers(5, get()), headers(3, get())], ErrorCode.ProtocolError],
    ['HEADERS on stream 0 (6.2)', [headers(0, get())], ErrorCode.ProtocolError],
    [
      'the beginning of a header block on stream 0 (6.2)',
      [frame(FrameType.Headers, 0, 0, block(get()))],
      ErrorCode.ProtocolError,
    ],
    ['DATA on stream 0 (6.1)', [data(0, 'x')], ErrorCode.ProtocolError],
    ['DATA on an idle stream (5.1)', [data(1, 'x')], ErrorCode.ProtocolError],
    ['RST_STREAM on an idle stream (5.1)', [rstStream(1, 8)], ErrorCode.ProtocolError],
    ['WINDOW_UPDATE on an idle stream (5.1)', [windowUpdate(1, 8)], ErrorCode.ProtocolError],
    [
      'DATA on a stream that the peer has reset (5.1)',
      [OPEN, rstStream(1, 8), data(1, 'x')],
      ErrorCode.StreamClosed,
    ],
    [
      'HEADERS on a stream that the peer has reset (5.1)',
      [OPEN, rstStream(1, 8), headers(1, get())],
      ErrorCode.StreamClosed,
    ],
    ['padding without an end (6.1)', [OPEN, frame(FrameType.Data, Flag.Padded, 1)], ErrorCode.FrameSizeError],
    [
      'more padding than payload in DATA (6.1)',
      [OPEN, frame(FrameType.Data, Flag.Padded, 1, Buffer.of(2, 0))],
      ErrorCode.ProtocolError,
    ],
    [
      'more padding than payload in HEADERS (6.2)',
      [frame(FrameType.Headers, 0xd, 1, Buffer.of(2, 0))],
      ErrorCode.ProtocolError,
    ],
    [
      'HEADERS too short for a priority (6.2)',
      [frame(FrameType.Headers, 0x25, 1, Buffer.alloc(4))],
      ErrorCode.ProtocolError,
    ],
    [
      'PRIORITY on stream 0 (6.3)',
      [frame(FrameType.Priority, 0, 0, Buffer.alloc(5))],
      ErrorCode.ProtocolError,
    ],
    [
      'RST_STREAM of another size (6.4)',
      [OPEN, frame(FrameType.RstStream, 0, 1, Buffer.alloc(3))],
      ErrorCode.FrameSizeError,
    ],
    ['SETTINGS on a stream (6.5)', [frame(FrameType.Settings, 0, 1)], ErrorCode.ProtocolError],
    [
      'SETTINGS of another size (6.5)',
      [frame(FrameType.Settings, 0, 0, Buffer.alloc(5))],
      ErrorCode.FrameSizeError,
    ],
    [
      'an acknowledgement with content (6.5)',
      [frame(FrameType.Settings, Flag.Ack, 0, Buffer.alloc(6))],
      ErrorCode.FrameSizeError,
    ],
    ['a push setting that is none (6.5.2)', [settings([[2, 2]])], ErrorCode.ProtocolError],
    ['a window past its bound in SETTINGS (6.5.2)', [settings([[4, 2 ** 31]])], ErrorCode.FlowControlError],
    ['a frame size below its bound (6.5.2)', [settings([[5, 16_383]])], ErrorCode.ProtocolError],
    ['a frame size past its bound (6.5.2)', [settings([[5, 2 ** 24]])], ErrorCode.ProtocolError],
    [
      'PUSH_PROMISE (6.6)',
      [OPEN, frame(FrameType.PushPromise, 4, 1, Buffer.alloc(4))],
      ErrorCode.ProtocolError,
    ],
    ['a PING on a stream (6.7)', [frame(FrameType.Ping, 0, 1, Buffer.alloc(8))], ErrorCode.ProtocolError],
    [
      'a PING of another size (6.7)',
      [frame(FrameType.Ping, 0, 0, Buffer.alloc(7))],
      ErrorCode.FrameSizeError,
    ],
    ['GOAWAY on a stream (6.8)', [frame(FrameType.Goaway, 0, 1, Buffer.alloc(8))], ErrorCode.ProtocolError],
    [
      'GOAWAY of another size (6.8)',
      [frame(FrameType.Goaway, 0, 0, Buffer.alloc(7))],
      ErrorCode.FrameSizeError,
    ],
    [
      'WINDOW_UPDATE of another size (6.9)',
      [frame(FrameType.WindowUpdate, 0, 0, Buffer.alloc(3))],
      ErrorCode.FrameSizeError,
    ],
    ['a window that opens by nothing (6.9)', [windowUpdate(0, 0)], ErrorCode.ProtocolError],
    // E06
    ['a window past its bound (6.9.1)', [windowUpdate(0, MAX_INT31)], ErrorCode.FlowControlError],
    [
      'a stream window past its bound by SETTINGS (6.9.2)',
      [HALF, windowUpdate(1, MAX_INT31 - 65_535), settings([[4, 65_536]])],
      ErrorCode.FlowControlError,
    ],
    [
      'more than the window of a stream (6.9.1)',
      [OPEN, ...Array.from({ length: 5 }, () => data(1, Buffer.alloc(16_384)))],
      ErrorCode.FlowControlError,
    ],
  ])('ends the connection for %s', async (_, frames, code) => {
    // Nothing is given back while nobody takes it.
    server.onRequest = ({ stream }) => stream.pause();
    server.take(...frames);
    expect((await server.said()).at(-1)).toMatch(new RegExp(`^Goaway last \\d+ code ${code}$`));
    expect(server.heard.at(-1)).toMatch(/^closed ./);
    for (const { heard } of server.streams) expect(heard.at(-1)).toMatch(/^closed /);
    // Nothing is read any more.
    server.take(headers(99, get()));
    expect(await server.said()).toEqual([]);
  });

  // E02
  it.each<[what: string, frames: readonly Buffer[], code: number]>([
    ['DATA after its end (5.1)', [HALF, data(1, 'x')], ErrorCode.StreamClosed],
    ['HEADERS after its end (5.1)', [HALF, headers(1, [['a', 'b']])], ErrorCode.StreamClosed],
    ['trailers that do not end it (8.1)', [OPEN, headers(1, [['a', 'b']], 0)], ErrorCode.ProtocolError],
    [
      'PRIORITY of another size (6.3)',
      [OPEN, frame(FrameType.Priority, 0, 1, Buffer.alloc(4))],
      ErrorCode.FrameSizeError,
    ],
    ['a window that opens by nothing (6.9)', [HALF, windowUpdate(1, 0)], ErrorCode.ProtocolError],
    ['a window past its bound (6.9.1)', [HALF, windowUpdate(1, MAX_INT31)], ErrorCode.FlowControlError],
  ])('resets a stream, and no other one, for %s', async (_, frames, code) => {
    server.take(...frames, headers(3, get()));
    expect(await server.said()).toEqual([`RstStream 1 code ${code}`]);
    expect(server.streams[0]!.heard.at(-1)).toBe(`closed ${code} us`);
    server.streams[1]!.head200(true);
    expect(await server.said()).toEqual(['Headers 3 end']);
  });

  it.each<[what: string, frames: readonly Buffer[]]>([
    ['an unknown frame (4.1)', [frame(99, 0xff, 5, Buffer.alloc(100))]],
    ['unknown settings (6.5.2)', [settings([[99, 1]])]],
    ['PRIORITY on an idle stream (6.3)', [frame(FrameType.Priority, 0, 7, Buffer.alloc(5))]],
    ['an answer to a PING that was not sent', [frame(FrameType.Ping, Flag.Ack, 0, Buffer.alloc(8, 9))]],
    ['WINDOW_UPDATE on a closed stream (5.1)', [OPEN, rstStream(1, 8), windowUpdate(1, 1)]],
    ['RST_STREAM on a closed stream (5.1)', [OPEN, rstStream(1, 8), rstStream(1, 8)]],
  ])('bears %s', async (_, frames) => {
    server.take(...frames, headers(9, get()));
    server.streams.at(-1)!.head200(true);
    expect((await server.said()).filter((line) => line !== 'Settings ack')).toEqual(['Headers 9 end']);
  });

  // E09
  it('refuses the 101st stream, and takes it when there is room', async () => {
    for (let i = 0; i < 101; i++) server.take(headers(i * 2 + 1, get()));
    expect(server.streams.length).toBe(100);
    expect(await server.said()).toEqual([`RstStream 201 code ${ErrorCode.RefusedStream}`]);
    server.streams[0]!.head200(true);
    server.take(headers(203, get()));
    expect(server.streams.length).toBe(101);
  });

  // E09
  it('bears many requests at once from a peer that has not heard of the limit, and from no other', async () => {
    for (let i = 0; i < 400; i++) server.take(headers(i * 2 + 1, get()));
    const said = await server.said();
    expect(said).toHaveLength(300);
    expect(said.at(-1)).toBe(`RstStream 799 code ${ErrorCode.RefusedStream}`);
    server.take(frame(FrameType.Settings, Flag.Ack, 0));
    for (let i = 400; i < 501; i++) server.take(headers(i * 2 + 1, get()));
    expect((await server.said()).at(-1)).toMatch(/^Goaway last \d+ code 11$/);
  });

  // E03
  it('bears no header block that does not end', async () => {
    server.take(frame(FrameType.Headers, 1, 1, block(get())));
    for (let i = 0; i < 17; i++) server.take(frame(FrameType.Continuation, 0, 1));
    expect(await server.said()).toEqual([`Goaway last 0 code ${ErrorCode.EnhanceYourCalm}`]);
    expect(server.streams).toEqual([]);
  });

  it('reads a header block in as many frames as one needs', () => {
    const bytes = block(get('/', [['x-long', 'x'.repeat(10_000)]]));
    server.take(frame(FrameType.Headers, 1, 1, bytes.subarray(0, 3)));
    for (let i = 3; i < bytes.length; i += 1_000) {
      const part = bytes.subarray(i, i + 1_000);
      server.take(frame(FrameType.Continuation, i + 1_000 < bytes.length ? 0 : 4, 1, part));
    }
    expect(server.streams[0]!.heard[0]).toMatch(/ x-long=x{10000} last$/);
  });

  it('counts the resets of its peer, and the end of what is enough', async () => {
    for (let i = 0; i < 101; i++) server.take(headers(i * 2 + 1, get()), rstStream(i * 2 + 1, 8));
    expect((await server.said()).at(-1)).toBe(`Goaway last 201 code ${ErrorCode.EnhanceYourCalm}`);
    expect(server.heard.at(-1)).toBe('closed more than it is worth');
  });

  // E07: at the threshold of the feature's table, to the frame.
  it.each<[what: string, bytes: Buffer, most: number]>([
    ['PING', ping(), 668],
    ['an answer to a PING', frame(FrameType.Ping, Flag.Ack, 0, Buffer.alloc(8, 9)), 668],
    ['SETTINGS', settings([[3, 100]]), 697],
    ['PRIORITY', frame(FrameType.Priority, 0, 1, Buffer.from([0, 0, 0, 3, 10])), 712],
    ['empty DATA', data(1, ''), 799],
    ['padding alone', padded(1, '', 200), 135],
    ['WINDOW_UPDATE', windowUpdate(0, 1), 728],
    ['ORIGIN', frame(0xc, 0, 0, Buffer.alloc(32)), 448],
    ['ALTSVC', frame(0xa, 0, 0, Buffer.alloc(16)), 574],
  ])('bears some hundred frames of a flood, and answers none behind them: %s', async (_, bytes, most) => {
    server.take(headers(1, post(), 0));
    let taken = 0;
    while (!server.connection.isOver && taken < 10_000) {
      server.take(bytes);
      taken += 1;
    }
    // What the request has earned, and the frame that was too much.
    expect(taken).toBeGreaterThan(most);
    expect(taken).toBeLessThanOrEqual(most + 1 + 256 / 40);
    const said = await server.said();
    expect(said.length).toBeLessThanOrEqual(taken + 1);
    expect(said.at(-1)).toBe(`Goaway last 1 code ${ErrorCode.EnhanceYourCalm}`);
  });

  // A server that is slow is left one request after the other, and its client is none of an attacker for that.
  it('does not count resets of streams that have lived for a while', async () => {
    for (let i = 0; i < 1_000; i += 100) {
      for (let j = i; j < i + 100; j++) server.take(headers(j * 2 + 1, get()));
      server.clock.advance(1_000);
      for (let j = i; j < i + 100; j++) server.take(rstStream(j * 2 + 1, ErrorCode.Cancel));
    }
    expect(server.connection.isOver).toBe(false);
    server.take(headers(2_001, get()));
    expect(server.streams).toHaveLength(1_001);
  });

  it('bears a client that tells of every byte that it has taken', async () => {
    server.take(headers(1, get()));
    server.streams[0]!.head200();
    for (let i = 0; i < 20_000; i++) {
      server.streams[0]!.send('x');
      server.take(windowUpdate(1, 1), windowUpdate(0, 1));
      if (i % 100 === 0) await server.said();
    }
    expect(server.connection.isOver).toBe(false);
  });

  it('reads nothing while its answers are not taken', async () => {
    server.wire.isStalled = true;
    // It takes no more now.
    server.take(headers(1, get()));
    server.streams[0]!.head200();
    const big = Buffer.alloc(20_000);
    server.take(windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000));
    for (let i = 0; i < 20; i++) server.streams[0]!.send(big);
    await server.sent();
    expect(server.wire.writableNeedDrain).toBe(true);
    expect(server.streams[0]!.send(big)).toBe(Sent.Full);
    const earning = data(3, Buffer.alloc(1_000));
    server.take(headers(3, post(), 0));
    for (let i = 0; i < 60; i++) server.take(earning, ...Array.from({ length: 20 }, () => ping()));
    expect(server.wire.isPaused()).toBe(false);
    for (let i = 0; i < 200; i++) server.take(earning, ...Array.from({ length: 20 }, () => ping()));
    expect(server.wire.isPaused()).toBe(true);
    server.wire.release();
    await server.sent();
    expect(server.wire.isPaused()).toBe(false);
    expect(server.streams[0]!.heard.at(-1)).toBe('drained');
  });
});

describe('flow control of an HTTP/2 connection', () => {
  it('sends no more than the window of a stream, and goes on when that opens', async () => {
    const server = CoreEnd.server({}, settings([[INITIAL_WINDOW_SIZE, 10]]));
    server.take(headers(1, get()));
    const [stream] = server.streams;
    await server.said();
    stream!.head200();
    expect(stream!.send('x'.repeat(25), true)).toBe(Sent.Full);
    expect(await server.said()).toEqual(['Headers 1', 'Data 1 +10']);
    server.take(windowUpdate(1, 10));
    expect(await server.said()).toEqual(['Data 1 +10']);
    expect(stream!.heard).not.toContain('drained');
    server.take(windowUpdate(1, 10));
    expect(await server.said()).toEqual(['Data 1 +5 end']);
    expect(stream!.heard.at(-1)).toBe('closed 0 ended');
  });

  it('sends no more than the window of the connection, and lets all streams have of it in turn', async () => {
    const server = CoreEnd.server({}, settings([[INITIAL_WINDOW_SIZE, 200_000]]));
    server.take(headers(1, get()), headers(3, get()), headers(5, get()));
    await server.said();
    const content = Buffer.alloc(60_000);
    for (const stream of server.streams) stream.head200();
    expect(server.streams.map((stream) => stream.send(content))).toEqual([
      Sent.Flushed,
      Sent.Full,
      Sent.Full,
    ]);
    const sizes = (lines: readonly string[], id: number) =>
      lines
        .filter((line) => line.startsWith(`Data ${id} `))
        .reduce((sum, line) => sum + Number(line.split('+')[1]), 0);
    expect(sizes(await server.said(), 3)).toBe(65_535 - 60_000);
    server.take(windowUpdate(0, 4 * 16_384));
    const lines = await server.said();
    expect([sizes(lines, 3), sizes(lines, 5)]).toEqual([2 * 16_384, 2 * 16_384]);
    server.take(windowUpdate(0, 1_000_000));
    await server.said();
    expect(server.streams.map(({ heard }) => heard.at(-1))).toEqual([
      expect.stringMatching(/^request/) as string,
      'drained',
      'drained',
    ]);
  });

  it('lets SETTINGS take from a window what was sent already', async () => {
    const server = CoreEnd.server({}, settings([[INITIAL_WINDOW_SIZE, 10]]));
    server.take(headers(1, get()));
    const [stream] = server.streams;
    stream!.head200();
    stream!.send('x'.repeat(20));
    await server.said();
    // -5 is left.
    server.take(settings([[INITIAL_WINDOW_SIZE, 5]]), windowUpdate(1, 5));
    expect(await server.said()).toEqual(['Settings ack']);
    server.take(settings([[INITIAL_WINDOW_SIZE, 15]]));
    expect(await server.said()).toEqual(['Settings ack', 'Data 1 +10']);
    expect(stream!.heard.at(-1)).toBe('drained');
  });

  // E08: CVE-2019-9511
  it('bears no peer that has a body sent byte by byte', async () => {
    const server = CoreEnd.server({}, settings([[INITIAL_WINDOW_SIZE, 0]]));
    server.take(headers(1, get()));
    server.streams[0]!.head200();
    server.streams[0]!.send(Buffer.alloc(10_000), true);
    for (let i = 0; i < 1_000; i++) server.take(windowUpdate(1, 1));
    expect((await server.said()).at(-1)).toBe(`Goaway last 1 code ${ErrorCode.EnhanceYourCalm}`);
  });

  it('sends the end of a body and its trailers behind what waits', async () => {
    const server = CoreEnd.server({}, settings([[INITIAL_WINDOW_SIZE, 0]]));
    server.take(headers(1, get()));
    await server.said();
    const [stream] = server.streams;
    stream!.head200();
    stream!.send('ab', true, 'x-sum: 1\r\n');
    expect(await server.said()).toEqual(['Headers 1']);
    server.take(windowUpdate(1, 1));
    expect(await server.said()).toEqual(['Data 1 +1']);
    server.take(windowUpdate(1, 1));
    expect(await server.said()).toEqual(['Data 1 +1', 'Headers 1 end']);
  });

  it('opens the window of a stream as its content is taken, by halves, and not while nobody takes it', async () => {
    const server = CoreEnd.server({
      streamWindow: 1_000,
      grownStreamWindow: 1_000,
      connectionWindow: 100_000,
    });
    server.take(headers(1, post(), 0), data(1, 'x'.repeat(499)));
    await server.said();
    server.take(data(1, 'x'));
    expect(await server.said()).toEqual(['WindowUpdate 1 +500']);
    const [stream] = server.streams;
    stream!.stream.pause();
    server.take(data(1, 'y'.repeat(600)));
    expect(await server.said()).toEqual([]);
    expect(stream!.content.length).toBe(500);
    stream!.stream.resume();
    expect(stream!.content.length).toBe(1_100);
    expect(await server.said()).toEqual(['WindowUpdate 1 +600']);
  });

  it('opens it wider once for a stream of which a whole window was taken', async () => {
    const server = CoreEnd.server({
      streamWindow: 1_000,
      grownStreamWindow: 4_000,
      connectionWindow: 100_000,
    });
    server.take(headers(1, post(), 0), data(1, 'x'.repeat(500)));
    expect(await server.said()).toContain('WindowUpdate 1 +500');
    server.take(data(1, 'x'.repeat(500)));
    expect(await server.said()).toEqual(['WindowUpdate 1 +3500']);
    // Half of what it is now.
    server.take(data(1, 'x'.repeat(1_999)));
    expect(await server.said()).toEqual([]);
    server.take(data(1, 'x'));
    expect(await server.said()).toEqual(['WindowUpdate 1 +2000']);
    // Nothing more than that may come.
    server.streams[0]!.stream.pause();
    server.take(data(1, 'x'.repeat(4_000)));
    expect(await server.said()).toEqual([]);
    server.take(data(1, 'x'));
    expect(await server.said()).toEqual([`Goaway last 1 code ${ErrorCode.FlowControlError}`]);
  });

  it('counts padding, which nobody holds', async () => {
    const server = CoreEnd.server({
      streamWindow: 1_000,
      grownStreamWindow: 1_000,
      connectionWindow: 100_000,
    });
    server.take(headers(1, post(), 0));
    await server.said();
    server.take(padded(1, 'x'.repeat(300), 199));
    expect(await server.said()).toEqual(['WindowUpdate 1 +500']);
  });

  it('lets no stream that nobody reads hold up another', async () => {
    const server = CoreEnd.server({ streamWindow: 65_535, connectionWindow: 100_000 });
    server.take(headers(1, post(), 0), headers(3, post(), 0));
    const [stalled, other] = server.streams;
    stalled!.stream.pause();
    const part = Buffer.alloc(10_000);
    for (let i = 0; i < 6; i++) server.take(data(1, part));
    for (let i = 0; i < 100; i++) server.take(data(3, part));
    expect(other!.content.length).toBe(1_000_000);
    expect(stalled!.content.length).toBe(0);
    expect(server.connection.isOver).toBe(false);
  });

  it('holds what comes byte by byte in few parts, and gives it as it came', () => {
    const server = CoreEnd.server();
    server.take(headers(1, post(), 0));
    const [stream] = server.streams;
    stream!.stream.pause();
    const parts = Array.from({ length: 20_000 }, (_, i) => String.fromCharCode(97 + (i % 26)));
    parts.push('A'.repeat(10_000), ...parts.slice(0, 100));
    server.take(...parts.map((part) => data(1, part)));
    let given = 0;
    const take = stream!.data.bind(stream);
    stream!.data = (bytes, start, end) => {
      given += 1;
      take(bytes, start, end);
    };
    stream!.stream.resume();
    expect(stream!.content).toBe(parts.join(''));
    expect(given).toBeLessThan(100);
  });

  it('gives the end of a stream behind what was held', () => {
    const server = CoreEnd.server();
    server.take(headers(1, post(), 0));
    const [stream] = server.streams;
    stream!.stream.pause();
    server.take(data(1, 'abc'), headers(1, [['x-sum', '1']]));
    expect(stream!.heard.slice(1)).toEqual(['trailers x-sum=1']);
    stream!.stream.resume();
    expect(stream!.heard.slice(1)).toEqual(['trailers x-sum=1', 'end 3']);
  });
});

describe('the end of an HTTP/2 connection', () => {
  it('comes with a notice first, and the last stream when the peer knows of it', async () => {
    const server = CoreEnd.server();
    server.take(headers(1, get()));
    await server.said();
    server.connection.notice();
    const frames = await server.sent();
    expect(frames.map(({ type }) => type)).toEqual([FrameType.Goaway, FrameType.Ping]);
    expect(frames[0]!.payload.readUInt32BE()).toBe(MAX_INT31);
    server.take(headers(3, get()), frame(FrameType.Ping, Flag.Ack, 0, frames[1]!.payload));
    expect(await server.said()).toEqual(['Goaway last 3 code 0']);
    server.take(headers(5, get()));
    expect(server.streams.length).toBe(2);
    for (const stream of server.streams) stream.head200(true);
    expect(server.heard.at(-1)).toBe('closed ');
    await server.said();
    expect(server.wire.writableEnded).toBe(true);
  });

  it('does not mind the trailers of a request that was not looked at', async () => {
    const server = CoreEnd.server();
    server.take(headers(1, post(), 0));
    server.connection.close();
    server.take(headers(3, post(), 0), data(3, 'x'), headers(3, [['x-sum', '1']]), ping());
    expect((await server.said()).slice(-2)).toEqual(['Goaway last 1 code 0', 'Ping ack']);
    expect(server.streams[0]!.heard.length).toBe(1);
  });

  it('leaves a slow peer the time to take the rest of its last response', async () => {
    const server = CoreEnd.server();
    server.take(headers(1, get()));
    await server.said();
    server.wire.isStalled = true;
    server.streams[0]!.head200();
    server.streams[0]!.send(Buffer.alloc(50_000), true);
    server.connection.close();
    expect(server.heard.at(-1)).toBe('closed ');
    server.clock.advance(10_000);
    expect(server.wire.destroyed).toBe(false);
    server.wire.release();
    expect((await server.said()).at(-1)).toBe('Goaway last 1 code 0');
  });

  it('does not wait for ever for a peer that takes nothing', () => {
    const server = CoreEnd.server();
    server.take(headers(1, get()));
    server.wire.isStalled = true;
    server.streams[0]!.head200();
    server.streams[0]!.send(Buffer.alloc(50_000), true);
    server.connection.close();
    server.clock.advance(31_000);
    expect(server.wire.destroyed).toBe(true);
  });

  it('does not wait for ever for a peer that does not answer', async () => {
    const server = CoreEnd.server();
    server.connection.notice();
    server.clock.advance(6_000);
    expect(await server.said()).toContain('Goaway last 0 code 0');
    expect(server.wire.writableEnded).toBe(true);
    server.clock.advance(3_000);
    expect(server.wire.destroyed).toBe(true);
  });

  it('comes to all of its streams when the socket is lost', () => {
    const server = CoreEnd.server();
    server.take(headers(1, get()));
    server.connection.destroy(new Error('gone'));
    expect(server.streams[0]!.heard.at(-1)).toBe('closed 0 connection');
    expect(server.heard.at(-1)).toBe('closed gone');
    expect(server.streams[0]!.stream.beginHead()).toBeUndefined();
    expect(server.streams[0]!.send('x')).toBe(Sent.Full);
  });
});

describe('an HTTP/2 client', () => {
  const ok = (stream: number, flags = 0) => headers(stream, [[':status', '200']], flags);

  it('opens with the preface', async () => {
    const client = new CoreEnd({ role: 'client' });
    expect(await client.said()).toEqual(['Settings', 'WindowUpdate 0 +983041']);
    expect(client.wire.writes[0]!.subarray(0, PREFACE.length)).toEqual(PREFACE);
  });

  it('hears interim responses, the response and its trailers', async () => {
    const client = CoreEnd.client();
    const stream = client.request();
    client.take(headers(1, [[':status', '103']], 0), ok(1), data(1, 'abc'), headers(1, [['x', '1']]));
    expect(stream.heard).toEqual([
      'interim :status=103',
      'head :status=200',
      'trailers x=1',
      'end 3',
      'closed 0 ended',
    ]);
  });

  // RFC 9113 section 8.1
  it('keeps a response that is whole when the rest of its request is not wanted', () => {
    const client = CoreEnd.client();
    const stream = client.request(false);
    stream.stream.pause();
    client.take(ok(1), data(1, 'abc', Flag.EndStream), rstStream(1, ErrorCode.NoError));
    expect(stream.send('more')).toBe(Sent.Full);
    stream.stream.resume();
    expect(stream.heard.slice(1)).toEqual(['end 3', 'closed 0 ended']);
  });

  it('keeps a response that is whole when the connection is lost', () => {
    const client = CoreEnd.client();
    const [whole, half, unread] = [client.request(), client.request(), client.request(false)];
    for (const { stream } of [whole, half, unread]) stream.pause();
    client.take(
      ok(1),
      data(1, 'abc', Flag.EndStream),
      ok(3),
      data(3, 'ab'),
      ok(5),
      data(5, 'x', Flag.EndStream),
    );
    client.connection.destroy(new Error('gone'));
    expect(half.heard.at(-1)).toBe('closed 0 connection');
    whole.stream.resume();
    expect(whole.content).toBe('abc');
    expect(whole.heard.slice(1)).toEqual(['end 3', 'closed 0 ended']);
    // Nobody takes the rest of its request.
    expect(unread.send('more')).toBe(Sent.Full);
    unread.stream.reset(ErrorCode.Cancel);
    expect(unread.heard.slice(1)).toEqual([`closed ${ErrorCode.Cancel} us`]);
    expect(client.heard).toEqual(['settled', 'closed gone']);
  });

  // E14
  it('is told which of its streams were not looked at', () => {
    const client = CoreEnd.client();
    const [first, second] = [client.request(), client.request()];
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(1);
    client.take(frame(FrameType.Goaway, 0, 0, payload));
    expect(second.heard).toEqual([`closed ${ErrorCode.RefusedStream} goaway`]);
    client.take(ok(1, Flag.EndStream));
    expect(first.heard.at(-1)).toBe('closed 0 ended');
    const late = client.connection.openStream(first);
    expect(late.beginHead()).toBeUndefined();
  });

  it.each<[what: string, frames: readonly Buffer[]]>([
    ['a stream of the server', [ok(2)]],
    ['a stream that was not opened', [ok(3)]],
    ['a push', [frame(FrameType.PushPromise, 4, 1, Buffer.alloc(4))]],
    ['the wish to push', [settings([[2, 1]])]],
  ])('ends the connection for %s', async (_, frames) => {
    const client = CoreEnd.client();
    client.request();
    client.take(...frames);
    expect((await client.said()).at(-1)).toBe(`Goaway last 0 code ${ErrorCode.ProtocolError}`);
  });

  it.each<[what: string, frames: readonly Buffer[]]>([
    ['content before its head', [data(1, 'x')]],
    ['an interim response that ends it', [headers(1, [[':status', '100']])]],
  ])('resets a stream for %s', async (_, frames) => {
    const client = CoreEnd.client();
    client.request();
    client.take(...frames);
    expect((await client.said()).at(-1)).toBe(`RstStream 1 code ${ErrorCode.ProtocolError}`);
  });

  // Many clients' streams are on it.
  it('flows on after any number of streams that were odd', async () => {
    const client = CoreEnd.client();
    const bytes = Buffer.alloc(1_000);
    client.take(windowUpdate(0, 1_000_000));
    for (let i = 0; i < 10_000; i++) {
      const id = i * 2 + 1;
      const stream = client.request(i % 5 !== 4);
      if (i % 5 === 4) stream.send('x');
      if (i % 5 === 0) {
        // Given up at once, while the backend sends.
        stream.stream.reset(ErrorCode.Cancel);
        client.take(ok(id), ...Array.from({ length: 20 }, () => padded(id, 'late', 9)));
        client.take(headers(id, [['x', '1']]), rstStream(id, ErrorCode.Cancel));
      } else if (i % 5 === 1) {
        // Paused, then given up with what it holds.
        client.take(ok(id));
        stream.stream.pause();
        client.take(data(id, bytes), padded(id, 'held', 100));
        stream.stream.reset(ErrorCode.Cancel);
      } else if (i % 5 === 2) {
        // Cut short by the backend, in the middle of a frame of another.
        client.take(ok(id), data(id, bytes), rstStream(id, ErrorCode.InternalError));
      } else if (i % 5 === 3) {
        // Ended while it is held, and taken later.
        client.take(ok(id));
        stream.stream.pause();
        client.take(data(id, bytes, Flag.EndStream));
        stream.stream.resume();
      } else {
        // Answered early.
        client.take(ok(id), data(id, 'early', Flag.EndStream), rstStream(id, ErrorCode.NoError));
      }
      expect(stream.heard.at(-1)).toMatch(/^closed /);
      if (i % 100 === 0) await client.sent();
    }
    expect(client.heard).toEqual(['settled']);
    await client.sent();
    const last = client.request();
    client.take(ok(20_001));
    // What the backend may send: as much as the window says that was opened.
    for (let sent = 0; sent < 4_000_000; sent += 16_384) {
      client.take(data(20_001, Buffer.alloc(16_384)));
    }
    expect(last.content.length).toBeGreaterThan(4_000_000);
    expect(client.heard).toEqual(['settled']);
    const reply = client.request(false);
    reply.send(Buffer.alloc(60_000));
    expect((await client.said()).filter((line) => line.startsWith('Data 20003'))).toHaveLength(4);
  });

  // What is on its way when they are given up costs the streams of other clients nothing.
  it('does not mind how much comes late', () => {
    const client = CoreEnd.client();
    for (let i = 0; i < 200; i++) {
      const stream = client.request();
      const id = i * 2 + 1;
      stream.stream.reset(ErrorCode.Cancel);
      client.take(ok(id), ...Array.from({ length: 100 }, () => data(id, 'late')));
    }
    expect(client.heard).toEqual(['settled']);
  });

  it('does not mind what comes on a stream that it has given up', async () => {
    const client = CoreEnd.client();
    client.request().stream.reset(ErrorCode.Cancel);
    const other = client.request();
    client.take(ok(1), data(1, 'x', Flag.EndStream), ok(3, Flag.EndStream));
    expect(other.heard).toEqual(['head :status=200 last', 'closed 0 ended']);
  });
});

describe('what an HTTP/2 connection reads', () => {
  const script = Buffer.concat([
    PREFACE,
    settings([[INITIAL_WINDOW_SIZE, 100_000]]),
    SETTINGS_ACK,
    headers(1, get()),
    headers(3, post(), 0),
    data(3, 'hello'),
    padded(3, 'padded', 20),
    padded(3, '', 3),
    frame(99, 0, 0, Buffer.alloc(30)),
    frame(FrameType.Headers, 1, 5, block(get('/long')).subarray(0, 9)),
    frame(FrameType.Continuation, 0, 5, block(get('/long')).subarray(9, 12)),
    frame(FrameType.Continuation, 4, 5, block(get('/long')).subarray(12)),
    ping(),
    headers(3, [['x-sum', '1']]),
    frame(
      FrameType.Headers,
      0x2d,
      7,
      Buffer.concat([Buffer.of(3), Buffer.alloc(5), block(get()), Buffer.alloc(3)]),
    ),
    data(9, 'on an idle stream'),
  ]);

  async function outcome(parts: readonly Buffer[]): Promise<unknown> {
    const server = new CoreEnd({ role: 'server' });
    server.onRequest = (stream) => {
      stream.head200();
      stream.send('answer', true);
    };
    server.take(...parts);
    const heard = server.streams.map((stream) => [...stream.heard, stream.content]);
    return { said: await server.said(), heard, owner: server.heard };
  }

  it('is the same wherever it is cut', async () => {
    const whole = await outcome([script]);
    expect(whole).toMatchObject({
      heard: { length: 4 },
      owner: ['settled', expect.stringMatching(/^closed D/)],
    });
    expect(await outcome([...script].map((byte) => Buffer.of(byte)))).toEqual(whole);
    for (let at = 1; at < script.length; at++) {
      expect(await outcome([script.subarray(0, at), script.subarray(at)])).toEqual(whole);
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: script.length }), { maxLength: 6 }),
        async (cuts) => {
          const at = [0, ...cuts.toSorted((a, b) => a - b), script.length];
          const parts = at.slice(1).map((end, i) => script.subarray(at[i], end));
          expect(await outcome(parts)).toEqual(whole);
        },
      ),
      { seed: 9113, numRuns: 100 },
    );
  });
});
