import { CLASS, TOKEN } from './byte-class.ts';
import { HeaderId } from './header-id.ts';
import { Fate, type HeaderLines } from './header-lines.ts';

export const CLOSE = 1;
export const KEEP_ALIVE = 2;
export const UPGRADE = 4;

const MAX_OPTIONS = 32;

/**
 * Reads the Connection line `i` (RFC 9110 section 7.6.1): answers which of `CLOSE`, `KEEP_ALIVE` and `UPGRADE` it
 * names, and hides the lines of other headers that it names. Headers which mean something to the proxy (framing,
 * host, credentials, identity) are never hidden by it. -1 for what is not a list of at most 32 tokens.
 */
export function readConnectionOptions(lines: HeaderLines, i: number): number {
  if (lines.valueIs(i, 'keep-alive')) return KEEP_ALIVE;
  if (lines.valueIs(i, 'close')) return CLOSE;
  let options = 0;
  const names = lines
    .value(i)
    .toLowerCase()
    .split(',', MAX_OPTIONS + 1);
  if (names.length > MAX_OPTIONS) return -1;
  for (const listed of names) {
    const name = listed.trim();
    if (name === 'close') options |= CLOSE;
    else if (name === 'keep-alive') options |= KEEP_ALIVE;
    else if (name === 'upgrade') options |= UPGRADE;
    else if (!isToken(name)) return -1;
    else hideLines(lines, name);
  }
  return options;
}

function hideLines(lines: HeaderLines, name: string): void {
  for (let i = 0; i < lines.count; i++) {
    if (lines.ids[i] === HeaderId.Other && lines.hasName(i, name)) lines.fates[i] = Fate.Hidden;
  }
}

/** The empty string counts: empty list elements are allowed (RFC 9110 section 5.6.1.2). */
function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (((CLASS[text.charCodeAt(i)] ?? 0) & TOKEN) === 0) return false;
  return true;
}
