/** Nanoseconds for each step of the HTTP/1.1 codec, best of several rounds: `node bench/micro-codec.ts`. */
import { ForwardedLines } from '../proxy/http/forwarded.ts';
import { ChunkedDecoder } from '../proxy/http/h1/chunked-decoder.ts';
import { RequestHead } from '../proxy/http/h1/request-head.ts';
import { ResponseHead } from '../proxy/http/h1/response-head.ts';
import { writeRequestHead } from '../proxy/http/h1/write-request.ts';
import { writeResponseHead } from '../proxy/http/h1/write-response.ts';

/** Short rounds, so that the best one ran undisturbed. */
const ROUNDS = 200;
const RUNS = 5_000;

const SMALL = 'GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n';
const BROWSER = [
  'GET /v1/orders/42?expand=items HTTP/1.1',
  'Host: shop.example.com',
  'Connection: keep-alive',
  'sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24"',
  'sec-ch-ua-mobile: ?0',
  'sec-ch-ua-platform: "Linux"',
  'Upgrade-Insecure-Requests: 1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Sec-Fetch-Site: none',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-User: ?1',
  'Sec-Fetch-Dest: document',
  'Accept-Encoding: gzip, deflate, br',
  'Accept-Language: en-US,en;q=0.9',
  'Cookie: sid=0123456789abcdef0123',
  '\r\n',
].join('\r\n');
const RESPONSE =
  'HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n';
const CHUNKED = `400\r\n${'x'.repeat(1_024)}\r\n`.repeat(16) + '0\r\n\r\n';

let sink = 0;

function measure(what: string, run: () => number | string): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < RUNS; i++) sink += run() === 'never' ? 1 : 0;
    best = Math.min(best, Number(process.hrtime.bigint() - start) / RUNS);
  }
  console.log(`${what.padEnd(40)} ${best.toFixed(0).padStart(6)} ns`);
}

const request = new RequestHead();
const response = new ResponseHead();
const forwarded = new ForwardedLines({ peer: '192.0.2.1', scheme: 'http', port: 80 }, false);
for (const [name, text] of [
  ['2 lines', SMALL],
  [`${BROWSER.length} bytes`, BROWSER],
] as const) {
  const bytes = Buffer.from(text);
  measure(`parse request, ${name}`, () => request.parse(bytes, 0, bytes.length));
  measure(`parse and write request, ${name}`, () => {
    request.parse(bytes, 0, bytes.length);
    // Written text is a rope until someone reads it; a socket does.
    return Buffer.byteLength(
      writeRequestHead(request, { forwarded: forwarded.for(request), requestId: '0123456789abcdef' }),
      'latin1',
    );
  });
}
const answer = Buffer.from(RESPONSE);
measure(`parse response, ${RESPONSE.length} bytes`, () => response.parse(answer, 0, answer.length, 'GET'));
measure(`parse and write response, ${RESPONSE.length} bytes`, () => {
  response.parse(answer, 0, answer.length, 'GET');
  return writeResponseHead(response, { minorVersion: 1, keepAlive: true }).length;
});
const chunks = Buffer.from(CHUNKED);
const ranges = new Int32Array(512);
measure('decode 16 chunks of 1 KiB', () =>
  new ChunkedDecoder('framed', ranges).decode(chunks, 0, chunks.length),
);
if (sink !== 0) console.log(sink);
