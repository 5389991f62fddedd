/** What is fuzzed: each takes any bytes at all and throws when something is wrong with what became of them. */
import { deepStrictEqual, ok } from 'node:assert/strict';
import { decodeToProxy } from '../../../api/control.ts';
import { encodeUpdate, readUpdate } from '../../../api/pool-update.ts';
import type { Rng } from '../../../lib/clock.ts';
import { HttpAnswer } from '../../../proxy/health/http-answer.ts';
import { parseAuthority } from '../../../proxy/http/authority.ts';
import { ChunkedDecoder } from '../../../proxy/http/h1/chunked-decoder.ts';
import { INCOMPLETE, REFUSED } from '../../../proxy/http/h1/fault.ts';
import { HpackEncoder } from '../../../proxy/http/h2/hpack/encoder.ts';
import { ResponseHead } from '../../../proxy/http/h1/response-head.ts';
import { responseBodyFor, writeResponseHead } from '../../../proxy/http/h1/write-response.ts';
import { normalisePath } from '../../../proxy/http/normalise-path.ts';
import { formatProxyHeader, parseProxyHeader } from '../../../proxy/listen/proxy-protocol.ts';
import { ClientHelloReader, type HelloReading } from '../../../proxy/tls/client-hello.ts';
import { explainRoute } from '../../../proxy/routing/explain.ts';
import { type JsonValue, parseJson } from '../../../proxy/routing/json-body.ts';
import { compileRouteTable } from '../../../proxy/routing/route-table.ts';
import { parseManifests } from '../../../standalone/manifests.ts';
import { endpoint, listener, poolConfig, poolSnapshot, route, routeMatch } from '../builders.ts';
import { readWithLlhttp } from '../http/llhttp.ts';
import { CoreEnd } from '../http2/core-end.ts';
import { BlockReader, encoded } from '../http2/field-blocks.ts';
import {
  data,
  frame,
  FrameType,
  get,
  headers,
  post,
  PREFACE,
  rstStream,
  settings,
  windowUpdate,
} from '../http2/frames.ts';
import { outputOf, readRequests } from '../http/read-requests.ts';
import { request } from '../request-view.ts';
import { pieces } from './mutate.ts';

export interface FuzzTarget {
  readonly name: string;
  /** Good inputs, latin1. */
  readonly corpus: readonly (string | Buffer)[];
  /** What is put into them. */
  readonly words: readonly string[];
  readonly run: (bytes: Buffer, rng: Rng) => void;
}

const HTTP_WORDS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  ',',
  ';',
  '0',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, x-a\r\n',
  'Host: b\r\n',
  'Expect: 100-continue\r\n',
  'X_A: 1\r\n',
  'HTTP/1.0',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'ffffffffffffffff',
  'GET /x HTTP/1.1\r\nHost: a\r\n\r\n',
];

const requests: FuzzTarget = {
  name: 'requests',
  corpus: [
    'GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nX-A: 1\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n',
    'GET http://b/ HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nCookie: a=b\r\n\r\n',
  ],
  words: HTTP_WORDS,
  // A36: what a backend gets is the requests that the proxy saw, to our parser and to another.
  run(bytes, rng) {
    const whole = readRequests([bytes]);
    const split = readRequests(pieces(bytes, rng));
    deepStrictEqual(split.requests, whole.requests);
    // What is wrong in a head may show only with its end.
    if (split.fault !== undefined) deepStrictEqual(split.fault, whole.fault);
    // HTTP/1.0 need not name a host; the connection gives it its own.
    if (whole.requests.some(({ authority }) => authority === '')) return;
    const forwarded = whole.requests.map((each) => each.forwarded).join('');
    const again = readRequests([Buffer.from(forwarded, 'latin1')]);
    deepStrictEqual(again.fault, undefined);
    const essence = ({ method, content }: { method: string; content: string }): object => ({
      method,
      content,
    });
    deepStrictEqual(again.requests.map(essence), whole.requests.map(essence));
    // llhttp does not know every method that a route may ask for.
    const isKnown = whole.requests.every(({ method }) => /^(GET|POST|PUT|HEAD|DELETE)$/.test(method));
    const second = readWithLlhttp(Buffer.from(forwarded, 'latin1'));
    if (isKnown && second.error !== 'HPE_CLOSED_CONNECTION') {
      deepStrictEqual(second.requests.map(essence), whole.requests.map(essence));
    }
  },
};

const responses: FuzzTarget = {
  name: 'response heads',
  corpus: [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\n\r\n',
    'HTTP/1.0 404 Not Found\r\nConnection: close\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n',
  ],
  words: [...HTTP_WORDS, 'HTTP/1.1 103 Early\r\n\r\n', '999', '100', 'Keep-Alive: timeout=1e9\r\n'],
  run(bytes, rng) {
    const head = new ResponseHead();
    const taken = head.parse(bytes, 0, bytes.length, 'GET');
    ok(taken === REFUSED || (taken >= 0 && taken <= bytes.length));
    const cut = Math.floor(rng() * bytes.length);
    const early = new ResponseHead().parse(bytes, 0, cut, 'GET');
    if (early === REFUSED) deepStrictEqual(taken, REFUSED);
    else if (early !== INCOMPLETE) deepStrictEqual(early, taken);
    if (taken <= 0) return;
    const text = writeResponseHead(head, { minorVersion: 1, keepAlive: head.body !== 'until-close' });
    const again = new ResponseHead();
    const written = Buffer.from(text, 'latin1');
    deepStrictEqual(again.parse(written, 0, written.length, 'GET'), written.length);
    deepStrictEqual([again.status, again.body], [head.status, responseBodyFor(head.body, 1)]);
    if (head.body === 'length') deepStrictEqual(again.contentLength, head.contentLength);
  },
};

const chunks: FuzzTarget = {
  name: 'chunked bodies',
  corpus: [
    '5\r\nhello\r\n0\r\n\r\n',
    'a;x="y";z\r\n0123456789\r\n1\r\n!\r\n0\r\nX-Trailer: 1\r\n\r\nrest',
    '00000005\r\nhello\r\n000\r\nContent-Length: 1\r\n\r\n',
  ],
  words: HTTP_WORDS,
  run(bytes, rng) {
    const whole = decoded([bytes], 'content');
    const split = decoded(pieces(bytes, rng), 'content');
    // What is wrong in the trailers may show only with their end.
    if (whole.fault === undefined || split.fault !== undefined) deepStrictEqual(split, whole);
    else ok(!split.done);
    const framed = decoded([bytes], 'framed');
    if (whole.fault !== undefined || !whole.done) return;
    const again = decoded([Buffer.from(framed.output, 'latin1')], 'content');
    deepStrictEqual([again.output, again.done, again.fault], [whole.output, true, undefined]);
  },
};

function decoded(parts: readonly Buffer[], output: 'content' | 'framed') {
  const decoder = new ChunkedDecoder(output);
  let text = '';
  let total = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length && !decoder.done;) {
      const taken = decoder.decode(part, at, part.length);
      if (taken === REFUSED) return { output: '', total: 0, done: false, fault: decoder.fault };
      ok(taken > 0, 'it moves');
      text += outputOf(decoder, part);
      at += taken;
      total += taken;
    }
  }
  return { output: text, total, done: decoder.done, fault: undefined };
}

const PARTIES = {
  source: { address: '192.0.2.1', port: 40_000 },
  destination: { address: '198.51.100.2', port: 443 },
};
const proxyHeaders: FuzzTarget = {
  name: 'PROXY protocol headers',
  corpus: [
    formatProxyHeader('V1', PARTIES),
    formatProxyHeader('V2', PARTIES),
    formatProxyHeader('V2', undefined),
    'PROXY UNKNOWN\r\n',
    'PROXY TCP6 2001:db8::1 2001:db8::2 40000 443\r\n',
    Buffer.concat([formatProxyHeader('V2', PARTIES).subarray(0, 14), Buffer.from([0, 19]), Buffer.alloc(19)]),
  ],
  words: [
    'PROXY ',
    'TCP4 ',
    '\r\n',
    '\n',
    '0',
    '65536',
    '::ffff:1.2.3.4',
    '\0\0',
    '\x21\x11\0\x0c',
    '\x03\0\x04',
  ],
  run(bytes, rng) {
    const whole = parseProxyHeader(bytes);
    const cut = Math.floor(rng() * (bytes.length + 1));
    const early = parseProxyHeader(bytes.subarray(0, cut));
    if (early.kind !== 'incomplete') deepStrictEqual(early, whole);
    if (whole.kind !== 'header') return;
    ok(whole.length <= bytes.length);
    if (cut < whole.length) deepStrictEqual(early.kind, 'incomplete');
    // Addresses of two families cannot be written, and nobody has them.
    for (const version of ['V1', 'V2'] as const) {
      const again = parseProxyHeader(formatProxyHeader(version, whole.parties));
      ok(again.kind === 'header');
      if (again.parties !== undefined) deepStrictEqual(again.parties, whole.parties);
    }
  },
};

const clientHellos: FuzzTarget = {
  name: 'ClientHellos',
  corpus: [hello('shop.example.com', 16_384), hello('shop.example.com', 7), hello(undefined, 100)],
  words: ['\x16\x03\x01', '\x16\x03\x03\0\x01', '\0\0', '\0\x01', '\x03\x04', '\xff\xff', 'shop', '.', '\0'],
  // Where bytes and records end decides nothing, or a rule for a name could be passed by.
  run(bytes, rng) {
    const whole = new ClientHelloReader().add(bytes);
    const reader = new ClientHelloReader();
    let split: HelloReading = { kind: 'incomplete' };
    for (const piece of pieces(bytes, rng)) {
      split = reader.add(piece);
      if (split.kind !== 'incomplete') break;
    }
    deepStrictEqual(split, whole);
    if (whole.kind === 'hello' && whole.serverName !== undefined) ok(/^[a-z0-9_.-]+$/.test(whole.serverName));
  },
};

/** One that asks for this name, in records of at most so many bytes. */
function hello(name: string | undefined, recordBytes: number): Buffer {
  const sized = (bytes: Buffer, width: number): Buffer => {
    const size = Buffer.alloc(width);
    size.writeUIntBE(bytes.length, 0, width);
    return Buffer.concat([size, bytes]);
  };
  const names =
    name === undefined
      ? Buffer.alloc(0)
      : Buffer.concat([
          Buffer.from([0, 0]),
          sized(sized(Buffer.concat([Buffer.from([0]), sized(Buffer.from(name), 2)]), 2), 2),
        ]);
  const other = Buffer.concat([Buffer.from([0, 43]), sized(Buffer.from([2, 3, 4]), 2)]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    sized(Buffer.alloc(32, 8), 1),
    sized(Buffer.from([0x13, 0x01, 0x13, 0x02]), 2),
    sized(Buffer.from([0]), 1),
    sized(Buffer.concat([other, names]), 2),
  ]);
  const message = Buffer.concat([Buffer.from([1]), sized(body, 3)]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += recordBytes) {
    records.push(Buffer.from([22, 3, 1]), sized(message.subarray(at, at + recordBytes), 2));
  }
  return Buffer.concat(records);
}

const json: FuzzTarget = {
  name: 'JSON bodies',
  corpus: [
    '{"model":"large","n":1.0e3,"list":[true,false,null,"\\u00e9\\"]"]}',
    '[[[[]]],{"a":{"a":{"a":-0}}}]',
    '"\\ud83d\\ude00"',
    ' {"a" : "\\\\", "b":{}} ',
  ],
  words: [
    '"',
    '\\',
    '\\u0000',
    '\\ud800',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a":1',
    '1e999',
    '\xef\xbb\xbf',
    '\xff',
    'null',
    '__proto__',
  ],
  run(bytes) {
    const read = parseJson(bytes);
    let plain: unknown;
    try {
      plain = JSON.parse(bytes.toString('utf8'));
    } catch {
      deepStrictEqual(read, undefined);
      return;
    }
    // Not UTF-8, a byte order mark, or a name twice.
    if (read !== undefined) ok(isSame(read, plain));
  },
};

function isSame(read: JsonValue | undefined, plain: unknown): boolean {
  if (typeof read === 'string') return read === plain || Object.is(JSON.parse(read), plain);
  if (read instanceof Map) {
    const entries = Object.entries(plain as object);
    return entries.length === read.size && entries.every(([name, value]) => isSame(read.get(name), value));
  }
  const items = read as readonly JsonValue[];
  return (
    Array.isArray(plain) && items.length === plain.length && items.every((item, i) => isSame(item, plain[i]))
  );
}

const ROUTES = [
  ['/', 'PathPrefix'],
  ['/a', 'PathPrefix'],
  ['/a/b', 'Exact'],
  ['/a/.*c', 'RegularExpression'],
  ['/v1/orders', 'PathPrefix'],
].map(([value, type], i) =>
  route({
    name: `r${i}`,
    hostnames: i % 2 === 0 ? [] : ['*.example.com'],
    matches: [
      routeMatch({ path: { type: type as 'Exact', value: value! } }),
      routeMatch({ headers: [{ name: 'x-tier', type: 'Exact', value: String(i) }], methods: ['POST'] }),
      routeMatch({ cookies: [{ name: 'beta', type: 'Present' }] }),
      routeMatch({ queryParams: [{ name: 'q', type: 'RegularExpression', value: '[a-z]+' }] }),
    ],
  }),
);
const table = compileRouteTable(
  [{ pool: poolSnapshot({ config: poolConfig({ routes: ROUTES }) }), listener: listener() }],
  () => undefined,
);
const routing: FuzzTarget = {
  name: 'routing',
  corpus: [
    'GET a.example.com /a/b?q=x beta=1',
    'POST example.com /v1/orders/7?q=1&q=y theme=dark; beta',
    'PUT x.y.example.com /a/b/c =',
  ],
  words: [
    '/',
    '//',
    '?',
    '&',
    '=',
    ';',
    '%',
    '%61',
    '+',
    'beta',
    'q=',
    ' ',
    '\0',
    '\xff',
    '.example.com',
    '*',
  ],
  run(bytes) {
    const [method = '', host = '', target = '', cookie = ''] = bytes.toString('latin1').split(' ');
    const view = request({
      method,
      url: (host.replaceAll(/[/?]/g, '') + target).replaceAll(/[\r\n]/g, ''),
      headers: { cookie, 'x-tier': method },
    });
    const found = table.lookup(view);
    const winner = explainRoute(table, view).candidates.find(({ outcome }) => outcome === 'wins');
    if (found.kind === 'rule') deepStrictEqual(winner?.rule.spec, found.spec);
    else deepStrictEqual(winner, undefined);
  },
};

const fieldBlocks: FuzzTarget = {
  name: 'field blocks',
  corpus: [
    Buffer.from('828684410f7777772e6578616d706c652e636f6d', 'hex'),
    Buffer.from('828684418cf1e3c2e5f23a6ba0ab90f4ff', 'hex'),
    Buffer.from('3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff', 'hex'),
    Buffer.from('4003612d62866187bdf1e3c7be10036162630178bf82', 'hex'),
  ],
  words: [
    '\x80',
    '\xbe',
    '\x40',
    '\x20',
    '\x3f\xe1\x1f',
    '\x7f\x80\x01',
    '\x82',
    '\x00',
    '\xff',
    '\x00\x01a',
  ],
  // What was decoded comes out of our encoder, and out of the decoder again, the same; twice, for the tables.
  run(bytes, rng) {
    const reader = new BlockReader();
    const encoder = new HpackEncoder();
    const again = new BlockReader();
    for (const piece of [bytes, ...pieces(bytes, rng)]) {
      const list = reader.read(piece);
      if (list === undefined) return;
      ok(reader.fields.end <= reader.fields.bytes.length);
      if (reader.fields.isTooLarge) continue;
      // Ours are written in lower case, as they must be; what comes is for whoever reads it to look at.
      const lower = list.map(([name, value]) => [name.replaceAll(/[A-Z]/g, (c) => c.toLowerCase()), value]);
      for (let i = 0; i < 2; i++) deepStrictEqual(again.read(encoded(encoder, list)), lower);
    }
  },
};

const BASE = poolSnapshot({ endpoints: { v1: [endpoint({ port: 1 }), endpoint({ port: 2 })] } });
const NEXT = poolSnapshot({
  digest: 'sha256:2',
  endpoints: { v1: [endpoint({ port: 2 }), endpoint({ port: 3 })] },
});
const META = { epoch: 1, newest: { pools: '5' } };
const snapshots: FuzzTarget = {
  name: 'snapshots',
  corpus: [encodeUpdate(BASE, META), encodeUpdate(NEXT, { ...META, base: BASE })],
  words: [
    '\0',
    '\xff',
    '\x08',
    '{}',
    '[]',
    'null',
    '"',
    '__proto__',
    '"v1"',
    '"put":',
    '"gone":[1]',
    '\x80\x80\x80\x80\x10',
  ],
  run(bytes) {
    let message: ReturnType<typeof decodeToProxy>;
    try {
      message = decodeToProxy(bytes);
    } catch {
      // The stream ends with it.
      return;
    }
    if (message?.case !== 'update') return;
    for (const current of [undefined, BASE]) {
      const read = readUpdate(message.value, current);
      ok(['snapshot', 'resync', 'malformed'].includes(read.kind));
    }
    deepStrictEqual(Object.getPrototypeOf(Object.prototype), null);
    ok(!('put' in {}) && !('v1' in {}), 'no prototype is changed');
  },
};

const manifests: FuzzTarget = {
  name: 'manifests',
  corpus: [
    'apiVersion: evenkeel.dev/v1alpha1\nkind: LoadBalancerPool\nmetadata: {name: shop}\nspec:\n  listeners:\n  - {name: web, protocol: HTTP, port: 80}\n',
    'apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\nspec: {ports: [{port: 80}]}\n---\n# nothing\n---\nkind: List\nitems: [{apiVersion: v1, kind: Service, metadata: {name: c}}]\n',
    '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"data":{}}',
  ],
  words: [
    '---\n',
    '...\n',
    '&a ',
    '*a',
    '!!binary ',
    '? ',
    '- ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '\n  ',
    '\t',
    '\0',
    '#',
    '<<: ',
    '| \n',
    '%YAML 1.1\n',
    'null',
    'kind: List\n',
  ],
  run(bytes) {
    const { manifests: all, diagnostics } = parseManifests('x.yaml', bytes.toString('utf8'));
    for (const { line, column, message } of diagnostics) {
      ok(line >= 1 && column >= 1);
      ok(message !== '' && !message.includes('\n'));
    }
    for (const each of all) {
      ok(typeof each.name === 'string' && typeof each.kind === 'string');
      ok(each.locate('spec.listeners[0].port').line >= 1);
    }
  },
};

const paths: FuzzTarget = {
  name: 'paths',
  corpus: ['/a/b/../c', '/%61/%2e%2e/x;y=1', '/caf%C3%A9//', '/'],
  words: ['/', '..', '.', '%2e', '%2f', '%5c', '%00', ';', '%c0%af', '%', '//', '%25'],
  run(bytes) {
    // What the parser lets into a path.
    const path = `/${bytes.toString('latin1').replaceAll(/[^!$-;=@-[\]_a-z|~]/g, '')}`;
    const first = normalisePath(path);
    if (!('path' in first)) return;
    deepStrictEqual(normalisePath(first.path), first);
    ok(first.path.startsWith('/') && !/\/\/|\/\.\.?(?:\/|$)/.test(first.path));
  },
};

const authorities: FuzzTarget = {
  name: 'authorities',
  corpus: ['shop.example.com:8080', '[2001:db8::1]:80', '192.0.2.1', 'A.Example.'],
  words: [':', '@', '[', ']', '.', '..', '%', ',', '/', '\0', '\xe9', '99999', '::'],
  run(bytes) {
    const host = parseAuthority(bytes.toString('latin1'));
    if (host !== undefined) deepStrictEqual(parseAuthority(host), host);
  },
};

const answers: FuzzTarget = {
  name: 'answers to health checks',
  corpus: responses.corpus,
  words: responses.words,
  run(bytes, rng) {
    const whole = judged([bytes]);
    deepStrictEqual(judged(pieces(bytes, rng)).kind, whole.kind);
  },
};

function judged(parts: readonly Buffer[]) {
  const answer = new HttpAnswer({
    type: 'HTTP',
    path: '/',
    method: 'GET',
    headers: [],
    expectedStatuses: [{ start: 200, end: 299 }],
    expectedBody: 'hello',
  });
  for (const part of parts) {
    const result = answer.read(part);
    if (result !== undefined) return result;
  }
  return answer.ended();
}

const frames: FuzzTarget = {
  name: 'HTTP/2 frames',
  corpus: [
    Buffer.concat([settings([[4, 100]]), headers(1, get()), windowUpdate(1, 50), headers(3, get('/b'))]),
    Buffer.concat([settings(), headers(1, post(), 0), data(1, 'hello'), data(1, '', 1), rstStream(1, 8)]),
    Buffer.concat([
      settings(),
      headers(1, post(), 0),
      frame(FrameType.Data, 8, 1, Buffer.from('\x03abc\0\0\0')),
      headers(1, [['x-sum', '1']]),
      frame(FrameType.Ping, 0, 0, Buffer.alloc(8)),
      frame(FrameType.Goaway, 0, 0, Buffer.alloc(8)),
    ]),
  ],
  words: [
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((type) =>
      frame(type, 4, 1, Buffer.alloc(4)).toString('latin1'),
    ),
    settings([[4, 0]]).toString('latin1'),
    windowUpdate(0, 2 ** 31 - 1).toString('latin1'),
    headers(5, get()).toString('latin1'),
    '\0\0\0',
    '\xff\xff\xff\xff',
  ],
  run(bytes, rng) {
    deepStrictEqual(heardOf(pieces(bytes, rng)), heardOf([bytes]));
  },
};

/** What the owners of a connection and of its streams hear, which answer every request. */
function heardOf(parts: readonly Buffer[]) {
  const server = new CoreEnd({ role: 'server' });
  server.onRequest = (stream) => {
    stream.head200();
    stream.send('x'.repeat(200), true);
  };
  server.take(PREFACE, ...parts);
  server.connection.destroy();
  return { heard: server.heard, streams: server.streams.map(({ heard, content }) => ({ heard, content })) };
}

export const TARGETS: readonly FuzzTarget[] = [
  requests,
  responses,
  chunks,
  fieldBlocks,
  frames,
  proxyHeaders,
  clientHellos,
  json,
  routing,
  snapshots,
  manifests,
  paths,
  authorities,
  answers,
];
