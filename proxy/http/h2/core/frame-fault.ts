import type { FrameHead } from './frame-reader.ts';
import { Flag, FrameType, Http2Code } from './protocol.ts';

/** What a connection ends with. */
export interface FrameFault {
  /** Of RFC 9113 section 7. */
  readonly code: number;
  readonly message: string;
}

const protocolError = (message: string): FrameFault => ({ code: Http2Code.ProtocolError, message });
const sizeError = (message: string): FrameFault => ({ code: Http2Code.FrameSizeError, message });

const HEADERS_STREAM = protocolError('HEADERS on no stream');
const PRIORITY_STREAM = protocolError('PRIORITY on no stream');
const RST_STREAM_SIZE = sizeError('RST_STREAM of another size');
const SETTINGS_STREAM = protocolError('SETTINGS on a stream');
const SETTINGS_ACK_SIZE = sizeError('an acknowledgement with content');
const PUSH_PROMISE = protocolError('PUSH_PROMISE');
const PING_STREAM = protocolError('a PING on a stream');
const PING_SIZE = sizeError('a PING of another size');
const GOAWAY_STREAM = protocolError('GOAWAY on a stream');
const GOAWAY_SIZE = sizeError('GOAWAY of another size');
const WINDOW_UPDATE_SIZE = sizeError('WINDOW_UPDATE of another size');

/**
 * What is wrong with a frame by its head alone, whatever came before it (RFC 9113 section 6): it is on a stream and
 * may not be, or on none, or of a size that it cannot have. Undefined: nothing that can be told from that.
 */
export function frameFault({ type, stream, size, flags }: FrameHead): FrameFault | undefined {
  switch (type) {
    case FrameType.Headers:
      return stream === 0 ? HEADERS_STREAM : undefined;
    case FrameType.Priority:
      return stream === 0 ? PRIORITY_STREAM : undefined;
    case FrameType.RstStream:
      return size !== 4 ? RST_STREAM_SIZE : undefined;
    case FrameType.Settings:
      if (stream !== 0) return SETTINGS_STREAM;
      return (flags & Flag.Ack) !== 0 && size > 0 ? SETTINGS_ACK_SIZE : undefined;
    case FrameType.PushPromise:
      return PUSH_PROMISE; // we allow none
    case FrameType.Ping:
      if (stream !== 0) return PING_STREAM;
      return size !== 8 ? PING_SIZE : undefined;
    case FrameType.Goaway:
      if (stream !== 0) return GOAWAY_STREAM;
      return size < 8 ? GOAWAY_SIZE : undefined;
    case FrameType.WindowUpdate:
      return size !== 4 ? WINDOW_UPDATE_SIZE : undefined;
    default:
      return undefined;
  }
}
