import { describe, expect, it } from 'vitest';
import { frameFault } from '../../../../../../proxy/http/h2/core/frame-fault.ts';
import { FrameHead } from '../../../../../../proxy/http/h2/core/frame-reader.ts';
import { Flag, FrameType, Http2Code } from '../../../../../../proxy/http/h2/core/protocol.ts';

const { ProtocolError, FrameSizeError } = Http2Code;

const codeOf = (type: number, stream: number, size: number, flags = 0): number | undefined =>
  frameFault(Object.assign(new FrameHead(), { type, stream, size, flags }))?.code;

// RFC 9113 section 6
describe('a frame', () => {
  it.each(['Headers', 'Priority'] as const)('of %s is on a stream', (name) => {
    expect(codeOf(FrameType[name], 0, 5)).toBe(ProtocolError);
    expect(codeOf(FrameType[name], 1, 5)).toBeUndefined();
  });

  it.each(['Settings', 'Ping', 'Goaway'] as const)('of %s is on no stream', (name) => {
    const size = name === 'Settings' ? 6 : 8;
    expect(codeOf(FrameType[name], 1, size)).toBe(ProtocolError);
    expect(codeOf(FrameType[name], 0, size)).toBeUndefined();
  });

  it.each([
    ['RstStream', 1, 4],
    ['WindowUpdate', 1, 4],
    ['WindowUpdate', 0, 4],
    ['Ping', 0, 8],
  ] as const)('of %s on stream %i has %i bytes', (name, stream, size) => {
    expect(codeOf(FrameType[name], stream, size - 1)).toBe(FrameSizeError);
    expect(codeOf(FrameType[name], stream, size)).toBeUndefined();
    expect(codeOf(FrameType[name], stream, size + 1)).toBe(FrameSizeError);
  });

  it('of GOAWAY has 8 bytes, and perhaps a word to say', () => {
    expect(codeOf(FrameType.Goaway, 0, 7)).toBe(FrameSizeError);
    expect(codeOf(FrameType.Goaway, 0, 100)).toBeUndefined();
  });

  it('that acknowledges SETTINGS has none', () => {
    expect(codeOf(FrameType.Settings, 0, 0, Flag.Ack)).toBeUndefined();
    expect(codeOf(FrameType.Settings, 0, 6, Flag.Ack)).toBe(FrameSizeError);
  });

  it('is no PUSH_PROMISE', () => {
    expect(codeOf(FrameType.PushPromise, 1, 4)).toBe(ProtocolError);
  });
});
