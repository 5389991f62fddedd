import {
  DEFAULT_WINDOW_BYTES,
  Http2Code,
  MAX_FRAME_BYTES,
  MAX_INT31,
  readUint32,
  Setting,
} from './protocol.ts';

const MAX_FRAME_SIZE = 0xff_ffff;
const SETTING_BYTES = 6;

/** What the peer has said in SETTINGS (RFC 9113 section 6.5.2). */
export class PeerSettings {
  /** Streams at a time that it takes. */
  maxStreams = Infinity;
  /** The window of a new stream. */
  window = DEFAULT_WINDOW_BYTES;
  /** How large a table of HPACK it keeps for what we send. */
  headerTableBytes = 4_096;

  /** Takes the payload of a frame. Answers what is wrong with it, or NoError. */
  read(bytes: Buffer, start: number, end: number, mayPush: boolean): number {
    if ((end - start) % SETTING_BYTES !== 0) return Http2Code.FrameSizeError;
    for (let pos = start; pos < end; pos += SETTING_BYTES) {
      const error = this.#set((bytes[pos]! << 8) | bytes[pos + 1]!, readUint32(bytes, pos + 2), mayPush);
      if (error !== Http2Code.NoError) return error;
    }
    return Http2Code.NoError;
  }

  #set(setting: number, value: number, mayPush: boolean): number {
    switch (setting) {
      case Setting.HeaderTableSize:
        this.headerTableBytes = value;
        break;
      case Setting.EnablePush:
        if (value > (mayPush ? 1 : 0)) return Http2Code.ProtocolError;
        break;
      case Setting.MaxConcurrentStreams:
        this.maxStreams = value;
        break;
      case Setting.InitialWindowSize:
        if (value > MAX_INT31) return Http2Code.FlowControlError;
        this.window = value;
        break;
      case Setting.MaxFrameSize:
        // Ours are never larger than they may be without it.
        if (value < MAX_FRAME_BYTES || value > MAX_FRAME_SIZE) return Http2Code.ProtocolError;
        break;
      default:
        // MAX_HEADER_LIST_SIZE is advice (section 10.5.1), and unknown settings mean nothing.
        break;
    }
    return Http2Code.NoError;
  }
}
