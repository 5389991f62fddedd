/** The static table (RFC 7541 appendix A): name and value, or a name alone. Index 1 is the first. */
const ENTRIES: readonly (readonly [name: string, value?: string])[] = [
  [':authority'],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset'],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language'],
  ['accept-ranges'],
  ['accept'],
  ['access-control-allow-origin'],
  ['age'],
  ['allow'],
  ['authorization'],
  ['cache-control'],
  ['content-disposition'],
  ['content-encoding'],
  ['content-language'],
  ['content-length'],
  ['content-location'],
  ['content-range'],
  ['content-type'],
  ['cookie'],
  ['date'],
  ['etag'],
  ['expect'],
  ['expires'],
  ['from'],
  ['host'],
  ['if-match'],
  ['if-modified-since'],
  ['if-none-match'],
  ['if-range'],
  ['if-unmodified-since'],
  ['last-modified'],
  ['link'],
  ['location'],
  ['max-forwards'],
  ['proxy-authenticate'],
  ['proxy-authorization'],
  ['range'],
  ['referer'],
  ['refresh'],
  ['retry-after'],
  ['server'],
  ['set-cookie'],
  ['strict-transport-security'],
  ['transfer-encoding'],
  ['user-agent'],
  ['vary'],
  ['via'],
  ['www-authenticate'],
];

export const STATIC_ENTRIES = ENTRIES.length;

/** The entries as `Entries` has them; entry `i` is at `i * 3`. */
export const STATIC: Entries = build();

/** Entries of a table as lines, `name: value` and a line end, somewhere in `bytes`. */
export interface Entries {
  readonly bytes: Buffer;
  /** Three for each entry: where its line starts, the length of its name, the length of its value. */
  readonly at: Int32Array;
}

function build(): Entries {
  const bytes = Buffer.from(ENTRIES.map(([name, value = '']) => `${name}: ${value}\r\n`).join(''), 'latin1');
  const at = new Int32Array((ENTRIES.length + 1) * 3);
  let start = 0;
  for (const [i, [name, value = '']] of ENTRIES.entries()) {
    at.set([start, name.length, value.length], (i + 1) * 3);
    start += name.length + value.length + 4;
  }
  return { bytes, at };
}

/** The index of the first entry with this name; 0: there is none. Lower case. */
export function staticIndexOf(name: string): number {
  return ENTRIES.findIndex((entry) => entry[0] === name) + 1;
}
