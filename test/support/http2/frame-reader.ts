import type { Frame } from './frames.ts';

/** Finds the frames in what came from one end of a connection, however it was cut. */
export class FrameReader {
  #unread: Buffer = Buffer.alloc(0);

  /** The frames that are complete with these bytes. */
  read(bytes: Buffer): Frame[] {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    const frames: Frame[] = [];
    let pos = 0;
    while (this.#unread.length - pos >= 9) {
      const end = pos + 9 + this.#unread.readUIntBE(pos, 3);
      if (end > this.#unread.length) break;
      frames.push({
        type: this.#unread[pos + 3]!,
        flags: this.#unread[pos + 4]!,
        stream: this.#unread.readUInt32BE(pos + 5) & 0x7fffffff,
        payload: this.#unread.subarray(pos + 9, end),
      });
      pos = end;
    }
    this.#unread = this.#unread.subarray(pos);
    return frames;
  }
}
