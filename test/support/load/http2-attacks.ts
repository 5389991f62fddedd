import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { FrameReader } from '../http2/frame-reader.ts';
import {
  Flag,
  type Frame,
  frame,
  FrameType,
  get,
  headers,
  PREFACE,
  settings,
  windowUpdate,
} from '../http2/frames.ts';

const AT_ONCE = 50;
const DEADLINE_MS = 20_000;
const HANDSHAKE = Buffer.concat([PREFACE, settings(), frame(FrameType.Settings, Flag.Ack, 0)]);

/** Stands for a connection that did not end, or not with GOAWAY. */
export const NO_GOAWAY = -1;

/** How one connection of an attacker went. */
export interface Attack {
  /** Of its GOAWAY. */
  readonly code: number;
  /** From its first frame until then. */
  readonly ms: number;
}

/** Floods one connection until it ends: `parts` are written one after the other, one each `everyMs`. */
export async function flood(port: number, parts: readonly Buffer[], everyMs: number): Promise<Attack> {
  const started = performance.now();
  let attack: Attack = { code: NO_GOAWAY, ms: Infinity };
  const socket = dial(port, ({ type, payload }) => {
    if (type === FrameType.Goaway)
      attack = { code: payload.readUInt32BE(4), ms: performance.now() - started };
  });
  const gone = new Promise((resolve) => socket.once('close', resolve));
  for (let i = 0; i < parts.length && attack.code === NO_GOAWAY && !socket.destroyed; i++) {
    socket.write(parts[i]!);
    // By the clock: what a late timer has cost is made up for.
    await delay(Math.max(0, started + (i + 1) * everyMs - performance.now()));
  }
  await Promise.race([gone, delay(DEADLINE_MS, undefined, { ref: false })]);
  socket.destroy();
  return attack;
}

/** Makes this many connections that say `bytes` behind their handshake. How many ended with each code. */
export async function endAll(port: number, count: number, bytes: Buffer): Promise<Record<number, number>> {
  const codes: Record<number, number> = {};
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      const { code } = await flood(port, [bytes], 0);
      codes[code] = (codes[code] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return codes;
}

/** Opens this many connections that say `bytes` behind their handshake, and nothing more. */
export async function holdAll(port: number, count: number, bytes: Buffer): Promise<readonly Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = dial(port, () => undefined);
      await new Promise((resolve) => socket.write(bytes, resolve));
      return socket;
    }),
  );
}

/**
 * On one connection, `count` requests that end in a reset, each with one behind it that is served. Resolves when all
 * have ended; answers how many ended in what.
 */
export async function resetEverySecond(
  port: number,
  count: number,
  bad: (stream: number) => Buffer,
): Promise<{ readonly reset: number; readonly served: number }> {
  let reset = 0;
  let served = 0;
  let begun = 0;
  return new Promise((resolve, reject) => {
    const send = (): void => {
      begun += 1;
      const id = begun * 4 - 3;
      socket.write(Buffer.concat([bad(id), headers(id + 2, get())]));
    };
    const socket = dial(port, ({ type, flags, stream }) => {
      if (type === FrameType.RstStream) reset += 1;
      if (stream % 4 !== 3 || (type !== FrameType.Data && type !== FrameType.Headers)) return;
      if ((flags & Flag.EndStream) === 0) return;
      served += 1;
      if (begun < count) send();
      else if (served === count) socket.destroy();
    });
    socket.once('close', () => {
      if (served === count) resolve({ reset, served });
      else reject(new Error(`the connection ended after ${reset} resets and ${served} responses`));
    });
    socket.write(windowUpdate(0, 2 ** 30));
    for (let i = 0; i < 10; i++) send();
  });
}

/** An HTTP/2 connection with its handshake sent. */
function dial(port: number, hear: (said: Frame) => void): Socket {
  const reader = new FrameReader();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    for (const said of reader.read(bytes)) hear(said);
  });
  socket.write(HANDSHAKE);
  return socket;
}
