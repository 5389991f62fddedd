import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HttpAnswer } from '../../../../proxy/health/http-answer.ts';
import { requestHead } from '../../../../proxy/health/probe-http.ts';
import type { ProbeConfig } from '../../../../api/snapshot.ts';

type HttpProbe = Extract<ProbeConfig, { type: 'HTTP' }>;

const PROBE: HttpProbe = {
  type: 'HTTP',
  path: '/healthz',
  method: 'GET',
  headers: [],
  expectedStatuses: [{ start: 200, end: 299 }],
};

/** Feeds the bytes in pieces that end at the given places, then closes. */
function judge(bytes: string, over: Partial<HttpProbe> = {}, cuts: readonly number[] = []): string {
  const answer = new HttpAnswer({ ...PROBE, ...over });
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    const result = answer.read(Buffer.from(bytes.slice(from, to), 'latin1'));
    if (result !== undefined) return show(result);
    from = to;
  }
  return `closed: ${show(answer.ended())}`;
}

function show(result: ReturnType<HttpAnswer['ended']>): string {
  return result.kind === 'fail' ? `${result.reason}: ${result.message}` : result.kind;
}

const ok = (rest: string): string => `HTTP/1.1 200 OK\r\n${rest}`;

const CASES: [string, string, Partial<HttpProbe>, string][] = [
  ['a body of the announced length', ok('Content-Length: 2\r\n\r\nok'), {}, 'pass'],
  ['an empty body', ok('content-length: 0\r\n\r\n'), {}, 'pass'],
  ['a body that ends with the connection', ok('\r\nok'), {}, 'closed: pass'],
  ['no body', 'HTTP/1.1 204 No Content\r\n\r\n', {}, 'pass'],
  ['a HEAD', ok('Content-Length: 99\r\n\r\n'), { method: 'HEAD' }, 'pass'],
  [
    'chunks',
    ok('Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;x=y\r\nyes\r\n0\r\nT: 1\r\n\r\n'),
    { expectedBody: 'okyes' },
    'pass',
  ],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nok', {}, 'closed: pass'],
  ['a status line without a reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', {}, 'pass'],
  [
    'interim responses',
    `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok('Content-Length: 0\r\n\r\n')}`,
    {},
    'pass',
  ],
  ['the expected text', ok('Content-Length: 6\r\n\r\nall ok'), { expectedBody: 'ok' }, 'pass'],
  // What an unexpected answer contains is never shown (J08).
  [
    'another text',
    ok('Content-Length: 6\r\n\r\nsecret'),
    { expectedBody: 'ok' },
    'UnexpectedBody: the body does not contain the expected text',
  ],
  ['a wrong status', 'HTTP/1.1 500 secret\r\n\r\n', {}, 'UnexpectedStatus: HTTP 500, wanted 200-299'],
  [
    'a redirect, which is not followed',
    'HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n',
    {},
    'UnexpectedStatus: HTTP 302, wanted 200-299',
  ],
  [
    'a status of another list',
    'HTTP/1.1 503 x\r\n\r\n',
    {
      expectedStatuses: [
        { start: 200, end: 204 },
        { start: 404, end: 404 },
      ],
    },
    'UnexpectedStatus: HTTP 503, wanted 200-204, 404',
  ],
  [
    'a status that is on the list',
    'HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n',
    { expectedStatuses: [{ start: 404, end: 404 }] },
    'pass',
  ],
  [
    'too little',
    ok('Content-Length: 3\r\n\r\nok'),
    {},
    'closed: ProtocolError: connection closed before the answer was complete',
  ],
  [
    'half a head',
    'HTTP/1.1 200 OK\r\nServer:',
    {},
    'closed: ProtocolError: connection closed before the answer was complete',
  ],
  [
    'another protocol',
    'SSH-2.0-OpenSSH_9.6\r\n\r\n',
    {},
    'ProtocolError: the answer is not valid HTTP/1.1: status_line',
  ],
  [
    'a head without end',
    ok(`X: ${'y'.repeat(40_000)}`),
    {},
    'ProtocolError: the answer is not valid HTTP/1.1: head_too_large',
  ],
  [
    'two lengths',
    ok('Content-Length: 2\r\nContent-Length: 3\r\n\r\nok'),
    {},
    'ProtocolError: the answer is not valid HTTP/1.1: cl_repeated',
  ],
  [
    'a length and chunks',
    ok('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n'),
    {},
    'ProtocolError: the answer is not valid HTTP/1.1: cl_te',
  ],
  [
    'an unknown coding',
    ok('Transfer-Encoding: gzip, chunked\r\n\r\n'),
    {},
    'ProtocolError: the answer is not valid HTTP/1.1: te_unsupported',
  ],
  [
    'a chunk size that is no number',
    ok('Transfer-Encoding: chunked\r\n\r\nxyz\r\n'),
    {},
    'ProtocolError: the answer is not valid HTTP/1.1: chunk_size',
  ],
  [
    'a chunk longer than its size',
    ok('Transfer-Encoding: chunked\r\n\r\n1\r\nok\r\n'),
    {},
    'ProtocolError: the answer is not valid HTTP/1.1: chunk_end',
  ],
  [
    'a chunk-size line without end',
    ok(`Transfer-Encoding: chunked\r\n\r\n${'0'.repeat(2000)}`),
    {},
    'ProtocolError: the answer is not valid HTTP/1.1: chunk_size',
  ],
  // H09
  [
    'a body that is too long',
    ok(`Content-Length: 99999\r\n\r\n${'x'.repeat(99_999)}`),
    {},
    'UnexpectedBody: the body is longer than 64 KiB',
  ],
  [
    'chunks that are too long',
    ok(`Transfer-Encoding: chunked\r\n\r\n1869f\r\n${'x'.repeat(99_999)}\r\n0\r\n\r\n`),
    {},
    'UnexpectedBody: the body is longer than 64 KiB',
  ],
  ['an endless body', ok(`\r\n${'x'.repeat(99_999)}`), {}, 'UnexpectedBody: the body is longer than 64 KiB'],
];

describe('the answer to an HTTP check', () => {
  it.each(CASES)('%s', (_, bytes, over, expected) => {
    expect(judge(bytes, over)).toBe(expected);
  });

  it('means the same in whatever pieces it comes', () => {
    const short = CASES.filter(([, bytes]) => bytes.length < 300);
    const pieces = fc.array(fc.nat(300), { maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...short), pieces, ([, bytes, over, expected], cuts) => {
        const places = cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b);
        expect(judge(bytes, over, places)).toBe(expected);
      }),
    );
  });

  it('never throws, and decides at the close at the latest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, headed) => {
        const text = Buffer.from(bytes).toString('latin1');
        const answer = judge(headed ? ok(`Transfer-Encoding: chunked\r\n\r\n${text}`) : text);
        expect(answer).toMatch(/pass$|: /);
      }),
    );
  });
});

describe('the request of an HTTP check', () => {
  it.each([
    [
      '10.0.0.1',
      {},
      'GET /healthz HTTP/1.1\r\nhost: 10.0.0.1:80\r\nuser-agent: evenkeel-health-check\r\naccept: */*\r\nconnection: close\r\n\r\n',
    ],
    [
      'fd00::1',
      { method: 'HEAD', host: 'shop', headers: [{ name: 'accept', value: 'text/plain' }] },
      'HEAD /healthz HTTP/1.1\r\nhost: shop\r\nuser-agent: evenkeel-health-check\r\nconnection: close\r\naccept: text/plain\r\n\r\n',
    ],
    [
      'fd00::1',
      { method: 'POST' },
      'POST /healthz HTTP/1.1\r\nhost: [fd00::1]:80\r\nuser-agent: evenkeel-health-check\r\naccept: */*\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
    ],
  ])('to %s with %j', (address, over, expected) => {
    expect(requestHead({ ...PROBE, ...over }, address, 80)).toBe(expected);
  });
});
