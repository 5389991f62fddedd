/**
 * Loaded into the measured controller before anything else: how late its timers are. Not TypeScript, whose loader would
 * add 30 MiB to what is measured.
 */
import { writeFileSync } from 'node:fs';

const EVERY_MS = 5;
const late = [];
let last = performance.now();

setInterval(() => {
  const now = performance.now();
  late.push(Math.max(0, now - last - EVERY_MS));
  last = now;
}, EVERY_MS).unref();

setInterval(() => {
  const sorted = late.toSorted((a, b) => a - b);
  const p99Ms = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  writeFileSync(process.env.BENCH_STALLS, JSON.stringify({ p99Ms, maxMs: sorted.at(-1) ?? 0 }));
}, 1_000).unref();
