import type { Fault } from '../../../proxy/http/h1/fault.ts';

/** A request that must be refused: the row of the catalogue, what is odd about it, its bytes (latin1), and why. */
export interface RefusedRequest {
  readonly id: string;
  readonly what: string;
  readonly text: string;
  readonly fault: Fault;
  /** Where the fault is; a head before a body is good. */
  readonly part: 'head' | 'body';
}

function lines(id: string, what: string, odd: readonly string[], fault: Fault): RefusedRequest {
  return {
    id,
    what,
    text: `POST / HTTP/1.1\r\nHost: a\r\n${odd.map((line) => `${line}\r\n`).join('')}\r\n`,
    fault,
    part: 'head',
  };
}

function start(id: string, what: string, line: string, fault: Fault): RefusedRequest {
  return { id, what, text: `${line}\r\nHost: a\r\n\r\n`, fault, part: 'head' };
}

function raw(id: string, what: string, text: string, fault: Fault): RefusedRequest {
  return { id, what, text, fault, part: 'head' };
}

function hosts(what: string, values: readonly string[], fault: Fault): RefusedRequest {
  return {
    id: 'B01',
    what,
    text: `GET / HTTP/1.1\r\n${values.map((host) => `Host: ${host}\r\n`).join('')}\r\n`,
    fault,
    part: 'head',
  };
}

function body(id: string, what: string, text: string, fault: Fault): RefusedRequest {
  return {
    id,
    what,
    text: `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${text}`,
    fault,
    part: 'body',
  };
}

const END = '0\r\n\r\n';
const MANY_BYTES = 17_000;

/** What is refused before a byte of it is sent anywhere. */
export const REFUSED_REQUESTS: readonly RefusedRequest[] = [
  lines('A01', 'length and coding', ['Content-Length: 5', 'Transfer-Encoding: chunked'], 'cl_te'),
  lines('A01', 'coding and length', ['Transfer-Encoding: chunked', 'Content-Length: 5'], 'cl_te'),
  lines('A02', 'two lengths', ['Content-Length: 5', 'Content-Length: 6'], 'cl_repeated'),
  lines('A02', 'two lengths in different case', ['Content-Length: 5', 'content-length: 6'], 'cl_repeated'),
  lines('A03', 'the same length twice', ['Content-Length: 5', 'Content-Length: 5'], 'cl_repeated'),
  lines('A03', 'a list of lengths', ['Content-Length: 5, 5'], 'cl_invalid'),
  ...['+5', '-5', '0x5', '5 5', '5_0', '1e3', '', '\xd9\xa5', '5.0', '5,'].map((value) =>
    lines('A04', `the length ${JSON.stringify(value)}`, [`Content-Length: ${value}`], 'cl_invalid'),
  ),
  lines('A04', 'the length 5\\x0b', ['Content-Length: 5\x0b'], 'value_invalid'),
  lines('A05', 'a length with leading zeros', ['Content-Length: 005'], 'cl_invalid'),
  ...['9007199254740992', '9223372036854775808', '18446744073709551617'].map((value) =>
    lines('A06', `the length ${value}`, [`Content-Length: ${value}`], 'cl_invalid'),
  ),
  lines('A07', 'a coding list that starts empty', ['Transfer-Encoding: ,chunked'], 'te_invalid'),
  lines('A07', 'identity before chunked', ['Transfer-Encoding: identity, chunked'], 'te_invalid'),
  lines(
    'A07',
    'two coding lines',
    ['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'],
    'te_repeated',
  ),
  lines(
    'A07',
    'two chunked lines',
    ['Transfer-Encoding: chunked', 'transfer-encoding: chunked'],
    'te_repeated',
  ),
  ...[
    'xchunked',
    'chunked, gzip',
    'chunked;a=b',
    'chunked, chunked',
    '',
    'identity',
    '"chunked"',
    'chunked,',
  ].map((value) =>
    lines('A08', `the coding ${JSON.stringify(value)}`, [`Transfer-Encoding: ${value}`], 'te_invalid'),
  ),
  lines('A08', 'the coding \\x0bchunked', ['Transfer-Encoding: \x0bchunked'], 'value_invalid'),
  lines('A08', 'the coding chunked\\x00', ['Transfer-Encoding: chunked\x00'], 'value_invalid'),
  lines('A09', 'gzip before chunked', ['Transfer-Encoding: gzip, chunked'], 'te_unsupported'),
  lines('A09', 'deflate before chunked', ['Transfer-Encoding: deflate ,chunked'], 'te_unsupported'),
  raw(
    'A10',
    'a coding in HTTP/1.0',
    'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
    'te_http10',
  ),
  lines('A11', 'a space before the colon', ['Content-Length : 5'], 'line_folding'),
  lines('A11', 'a tab before the colon', ['Content-Length\t: 5'], 'line_folding'),
  lines('A11', 'a folded line', ['X-A: 1', ' 2'], 'line_folding'),
  lines('A11', 'a line folded by a tab', ['X-A: 1', '\t2'], 'line_folding'),
  raw('A11', 'white space before the first line', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'line_folding'),
  raw('A13', 'a bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 'bare_lf'),
  raw('A13', 'bare LFs everywhere', 'GET / HTTP/1.1\nHost: a\n\n', 'bare_lf'),
  raw('A13', 'a bare CR after the request line', 'GET / HTTP/1.1\rHost: a\r\n\r\n', 'bare_cr'),
  lines('A13', 'a line that ends in a bare LF', ['X-A: 1\nX-B: 2'], 'bare_lf'),
  lines('A13', 'an empty value that ends in a bare LF', ['X-A:\nX-B: 2'], 'bare_lf'),
  lines('A13', 'a bare CR in a value', ['X-A: 1\rX-B: 2'], 'bare_cr'),
  lines('A13', 'a bare CR at the start of a line', ['\rX-A: 1'], 'bare_cr'),
  ...[0, 1, 8, 0x0b, 0x0c, 0x0e, 0x1f, 0x7f].map((byte) =>
    lines('A14', `byte ${byte} in a value`, [`X-A: a${String.fromCharCode(byte)}b`], 'value_invalid'),
  ),
  ...['(', ')', '@', '"', '/', '[', '{', '\x00', '\xe9', '\x7f', ';', ','].map((character) =>
    lines('A14', `${JSON.stringify(character)} in a name`, [`X${character}A: a`], 'name_invalid'),
  ),
  lines('A14', 'an empty name', [': a'], 'name_invalid'),
  lines('A14', 'a line without a colon', ['X-A'], 'name_invalid'),
  ...['0x1', '+1', '-1', '1_0', ' 1', '', '1 ', '\t1', 'g', '1.', 'f'.repeat(17)].map((size) =>
    body('A15', `the chunk size ${JSON.stringify(size)}`, `${size}\r\na\r\n${END}`, 'chunk_size'),
  ),
  body('A16', 'a chunk size that ends in LF', `1\na\r\n${END}`, 'bare_lf'),
  body('A16', 'content that ends in LF', `1\r\na\n${END}`, 'chunk_end'),
  body('A16', 'content that ends in other bytes', `1\r\nabc${END}`, 'chunk_end'),
  body('A16', 'CR before an extension', `5\r\r;a\r\nhello\r\n${END}`, 'bare_cr'),
  body('A16', 'LF in an extension', `5;a\nb\r\nhello\r\n${END}`, 'chunk_extension'),
  body('A16', 'CR in an extension', `5;a\rb\r\nhello\r\n${END}`, 'bare_cr'),
  body('A16', 'a bare semicolon', `5;\r\nhello\r\n${END}`, 'chunk_extension'),
  body(
    'A17',
    'a chunk extension of 64 KiB',
    `1;${'a'.repeat(65_000)}\r\na\r\n${END}`,
    'chunk_extension_too_large',
  ),
  body(
    'A19',
    'trailers larger than the limit',
    `0\r\nX-A: ${'a'.repeat(9_000)}\r\n\r\n`,
    'trailer_too_large',
  ),
  ...['foo', ' 100-continue ', '100-continue ', 'y 100-continue', '100-continue, 100-continue', ''].map(
    (value) =>
      lines(
        'A25',
        `the expectation ${JSON.stringify(value)}`,
        ['Content-Length: 5', `Expect: ${value}`],
        'expect',
      ),
  ),
  lines(
    'A25',
    'an expectation twice',
    ['Content-Length: 5', 'Expect: 100-continue', 'Expect: 100-continue'],
    'expect',
  ),
  lines(
    'A27',
    '2,500 headers',
    [...Array.from({ length: 2_500 }, () => 'a: b'), 'Content-Length: 3'],
    'too_many_headers',
  ),
  lines(
    'A28',
    '101 headers',
    Array.from({ length: 100 }, (_, i) => `X-${i}: 1`),
    'too_many_headers',
  ),
  lines('A28', 'a header of 17 KiB', [`X-A: ${'x'.repeat(MANY_BYTES)}`], 'head_too_large'),
  lines('A28', 'a name of 8 KiB', [`${'x'.repeat(8_192)}: a`], 'name_too_long'),
  start('A28', 'a target of 17 KiB', `GET /${'a'.repeat(MANY_BYTES)} HTTP/1.1`, 'target_too_long'),
  raw('A28', 'a target of 9 KiB that goes on', `GET /${'a'.repeat(9_000)}`, 'target_too_long'),
  start('A28', 'a method of 1 KiB', `${'A'.repeat(1_024)} / HTTP/1.1`, 'method_unknown'),
  raw('A30', 'two empty lines before it', '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'request_line'),
  raw('A30', 'a flood of empty lines', '\r\n'.repeat(10_000), 'request_line'),
  raw('A31', 'no version', 'GET /\r\n\r\n', 'request_line'),
  ...['HTTP/0.9', 'HTTP/1.2', 'HTTP/2.0'].map((version) =>
    start('A31', version, `GET / ${version}`, 'version_unsupported'),
  ),
  ...['HTTP/1.10', 'HTTP/01.1', 'HTTP/1', 'http/1.1', 'ICE/1.0', 'HTTP/1.1 '].map((version) =>
    start('A31', JSON.stringify(version), `GET / ${version}`, 'version_invalid'),
  ),
  raw('A32', 'the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2_preface'),
  start('A33', 'two spaces after the method', 'GET  / HTTP/1.1', 'request_line'),
  start('A33', 'two spaces after the target', 'GET /  HTTP/1.1', 'request_line'),
  start('A33', 'a tab after the method', 'GET\t/ HTTP/1.1', 'request_line'),
  start('A33', 'a tab after the target', 'GET /\tHTTP/1.1', 'target_invalid'),
  start('A33', 'a space before the method', ' GET / HTTP/1.1', 'request_line'),
  ...['get', 'Get', 'GET_', 'GET2'].map((method) =>
    start('A33', `the method ${method}`, `${method} / HTTP/1.1`, 'method_unknown'),
  ),
  start('A33', 'a method that is no token', 'GE(T / HTTP/1.1', 'method_invalid'),
  raw('A34', 'a TLS ClientHello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'method_invalid'),
  raw('A34', 'an SSH banner', 'SSH-2.0-OpenSSH_9.2\r\n', 'request_line'),
  raw('A34', 'an SMB negotiation', '\x00\x00\x00\x85\xffSMB', 'method_invalid'),
  raw('A34', 'a redis command', '*1\r\n$4\r\nPING\r\n', 'request_line'),
  hosts('no Host', [], 'host_missing'),
  hosts('two Hosts', ['a', 'b'], 'host_repeated'),
  hosts('the same Host twice', ['a', 'a'], 'host_repeated'),
  ...['', 'a,b', 'u@a', 'a/b', 'a:99999', 'a:', '[::1', '\xe9', 'a b', '.a', 'a..b'].map((host) =>
    hosts(`the Host ${JSON.stringify(host)}`, [host], 'host_invalid'),
  ),
  raw('B02', 'no Host beside an absolute target', 'GET http://a/ HTTP/1.1\r\n\r\n', 'host_missing'),
  start('B02', 'an absolute target without host', 'GET http:///a HTTP/1.1', 'target_invalid'),
  start('B02', 'an absolute target with user information', 'GET http://u@b/ HTTP/1.1', 'host_invalid'),
  start('B02', 'an absolute target of another scheme', 'GET ftp://a/ HTTP/1.1', 'target_invalid'),
  start('B06', 'GET *', 'GET * HTTP/1.1', 'target_invalid'),
  start('B06', 'OPTIONS *x', 'OPTIONS *x HTTP/1.1', 'target_invalid'),
  start('B06', 'CONNECT', 'CONNECT a:443 HTTP/1.1', 'method_refused'),
  start('B06', 'TRACE', 'TRACE / HTTP/1.1', 'method_refused'),
  start('B07', 'a fragment', 'GET /a#b HTTP/1.1', 'target_invalid'),
  start('B07', 'a fragment in the query', 'GET /a?b#c HTTP/1.1', 'target_invalid'),
  start('B07', 'a target without a slash', 'GET a HTTP/1.1', 'target_invalid'),
  start('B07', 'a backslash for a slash', 'GET \\admin HTTP/1.1', 'target_invalid'),
  start('B07', 'an escaped slash', 'GET /admin%2f HTTP/1.1', 'path_escape'),
  start('B07', 'an escaped NUL', 'GET /admin%00 HTTP/1.1', 'path_escape'),
  start('B07', 'an overlong form', 'GET /%c0%af HTTP/1.1', 'path_escape'),
  start('B07', 'a path above the root', 'GET /../admin HTTP/1.1', 'path_dots'),
  start('B07', 'a byte above 0x7f', 'GET /\xe9 HTTP/1.1', 'target_invalid'),
  ...['close;x', 'a b', Array.from({ length: 33 }, () => 'x').join(',')].map((options) =>
    lines(
      'B11',
      `the connection option ${JSON.stringify(options)}`,
      [`Connection: ${options}`],
      'connection_invalid',
    ),
  ),
  ...['Content-Length: 5', 'Transfer-Encoding: chunked'].map((line) =>
    raw(
      'F01',
      `an upgrade with ${line}`,
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${line}\r\n\r\n`,
      'upgrade_body',
    ),
  ),
];
