/** WebSocket frames (RFC 6455 section 5) as a fuzzer writes them: any field may be wrong. */
import type { Rng } from '../../../lib/clock.ts';

export interface Frame {
  readonly fin: boolean;
  /** Reserved bits, 0 to 7. */
  readonly rsv: number;
  readonly opcode: number;
  readonly isMasked: boolean;
  readonly payload: Buffer;
}

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

export function encodeFrame({ fin, rsv, opcode, isMasked, payload }: Frame, mask: Buffer): Buffer {
  const size = payload.length;
  const head = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | (size < 126 ? size : size < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(size, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(size), 2);
  if (!isMasked) return Buffer.concat([head, payload]);
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ mask[i % 4]!)]);
}

/** A conversation of a client: mostly in order, at times not, and ended by a close frame. */
export function randomConversation(rng: Rng): Buffer[] {
  const frames: Frame[] = [];
  const count = 1 + Math.floor(rng() * 12);
  for (let i = 0; i < count; i++) frames.push(...randomMessage(rng));
  frames.push({ ...PLAIN, opcode: CLOSE, payload: Buffer.from([0x03, 0xe8]) });
  return frames.map((frame) => encodeFrame(frame, randomBytes(rng, 4)));
}

const PLAIN = { fin: true, rsv: 0, isMasked: true } as const;

function randomMessage(rng: Rng): Frame[] {
  const kind = rng();
  if (kind < 0.3) return [{ ...PLAIN, opcode: TEXT, payload: Buffer.from(randomText(rng)) }];
  if (kind < 0.55) return [{ ...PLAIN, opcode: BINARY, payload: randomBytes(rng, sizeOf(rng)) }];
  if (kind < 0.75) return inFragments(randomBytes(rng, sizeOf(rng)), rng);
  if (kind < 0.85) return [{ ...PLAIN, opcode: PING, payload: randomBytes(rng, Math.floor(rng() * 126)) }];
  if (kind < 0.88) return [{ ...PLAIN, opcode: PONG, payload: randomBytes(rng, 4) }];
  return [wrongFrame(rng)];
}

function inFragments(payload: Buffer, rng: Rng): Frame[] {
  const parts = 2 + Math.floor(rng() * 4);
  const size = Math.ceil(payload.length / parts);
  return Array.from({ length: parts }, (_, i): Frame[] => {
    const part: Frame = {
      ...PLAIN,
      fin: i === parts - 1,
      opcode: i === 0 ? BINARY : CONTINUATION,
      payload: payload.subarray(i * size, (i + 1) * size),
    };
    // A control frame may come between two fragments.
    return rng() < 0.3 ? [part, { ...PLAIN, opcode: PING, payload: Buffer.from('between') }] : [part];
  }).flatMap((part, i, all) => (i === all.length - 1 ? part.slice(0, 1) : part));
}

/** Each breaks one rule of the RFC. */
function wrongFrame(rng: Rng): Frame {
  const text: Frame = { ...PLAIN, opcode: TEXT, payload: Buffer.from('x') };
  const wrong: readonly Frame[] = [
    { ...text, rsv: 1 + Math.floor(rng() * 7) },
    { ...text, opcode: 3 + Math.floor(rng() * 5) },
    { ...text, opcode: 11 + Math.floor(rng() * 5) },
    { ...text, isMasked: false },
    { ...text, opcode: PING, fin: false },
    { ...text, opcode: PING, payload: randomBytes(rng, 126) },
    { ...text, opcode: CONTINUATION },
    { ...text, payload: Buffer.from([0xc0, 0xaf]) },
    { ...text, payload: Buffer.from([0xed, 0xa0, 0x80]) },
    { ...text, opcode: CLOSE, payload: Buffer.from([3]) },
    { ...text, opcode: CLOSE, payload: Buffer.from([0x03, 0xed]) },
    { ...text, opcode: CLOSE, payload: Buffer.from([0x03, 0xe8, 0xff]) },
    { ...text, fin: false },
  ];
  return wrong[Math.floor(rng() * wrong.length)]!;
}

/** On both sides of where lengths are written otherwise and buffers end. */
function sizeOf(rng: Rng): number {
  const sizes = [0, 1, 125, 126, 127, 1_024, 16_384, 65_535, 65_536, 65_537, 200_000];
  return sizes[Math.floor(rng() * sizes.length)]!;
}

function randomText(rng: Rng): string {
  return Array.from(
    { length: Math.floor(rng() * 40) },
    () => ['a', 'ß', '€', '😀', '\0'][Math.floor(rng() * 5)],
  ).join('');
}

function randomBytes(rng: Rng, size: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, () => Math.floor(rng() * 256)));
}
