import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../../../proxy/errors.ts';
import {
  grpcEnd,
  grpcReply,
  grpcStatusIn,
  grpcStatusOf,
  isGrpcCall,
  isGrpcContent,
  isPastDeadline,
} from '../../../../proxy/http/grpc.ts';
import { replyFor } from '../../../../proxy/http/replies.ts';

describe('a gRPC call', () => {
  it.each([
    ['application/grpc', true],
    ['application/grpc+proto', true],
    ['application/grpc; charset=utf-8', true],
    ['Application/GRPC', true],
    ['application/grpc-web', false],
    ['application/grpc-web+proto', false],
    ['application/grpcx', false],
    ['application/json', false],
    ['text/application/grpc', false],
    [undefined, false],
  ])('is told by its content type: %s', (contentType, isCall) => {
    expect(isGrpcContent(contentType)).toBe(isCall);
    const line = contentType === undefined ? '' : `Content-Type:  ${contentType} \r\n`;
    expect(isGrpcCall(`POST / HTTP/1.1\r\nHost: a\r\n${line}\r\n`)).toBe(isCall);
  });
});

describe('the deadline of a gRPC call', () => {
  it.each([
    ['100m', 99, false],
    ['100m', 100, true],
    ['1n', 0, false],
    ['1n', 0.000_001, true],
    ['2000u', 2, true],
    ['2S', 1_999, false],
    ['2S', 2_000, true],
    ['1M', 59_999, false],
    ['1M', 60_000, true],
    ['1H', 3_600_000, true],
    ['99999999H', 1e9, false],
    ['123456789m', 1e12, false],
    ['1', 1e12, false],
    ['-1S', 1e12, false],
    ['S', 1e12, false],
    [undefined, 1e12, false],
  ])('of %s, after %d ms: over is %s', (timeout, elapsedMs, isOver) => {
    const line = timeout === undefined ? '' : `Grpc-Timeout: ${timeout} \r\n`;
    const head = (type: string) => `POST / HTTP/1.1\r\nHost: a\r\n${line}Content-Type: ${type}\r\n\r\n`;
    expect(isPastDeadline(head('application/grpc'), elapsedMs)).toBe(isOver);
    expect(isPastDeadline(head('application/json'), elapsedMs)).toBe(false);
  });
});

describe('the status of a gRPC call', () => {
  it.each([
    ['grpc-status: 0\r\n', 0],
    ['a: 1\r\nGrpc-Status:14\r\ngrpc-message: x\r\n', 14],
    ['x-grpc-status: 3\r\n', undefined],
    ['grpc-status: none\r\n', undefined],
    ['', undefined],
  ])('is read from lines: %j', (lines, status) => {
    expect(grpcStatusIn(lines)).toBe(status);
  });

  it.each([
    ['NO_ROUTE', 12],
    ['ACCESS_DENIED', 7],
    ['RATE_LIMITED', 14],
    ['DOWNSTREAM_BODY_TOO_LARGE', 8],
    ['DOWNSTREAM_BAD_REQUEST', 13],
    ['NO_ENDPOINTS', 14],
    ['UPSTREAM_CONNECT_REFUSED', 14],
    ['UPSTREAM_RESET', 14],
    ['UPSTREAM_REFUSED_STREAM', 14],
    ['UPSTREAM_RESPONSE_TIMEOUT', 4],
    ['UPSTREAM_TRY_TIMEOUT', 4],
    ['REQUEST_TIMEOUT', 4],
    ['CALL_DEADLINE', 4],
    ['SHUTDOWN', 14],
    ['INTERNAL', 2],
  ] as const)('that ends with %s is %d', (code, status) => {
    expect(grpcStatusOf(code, replyFor(code))).toBe(status);
  });

  it('is never OK for an error', () => {
    for (const code of ERROR_CODES) expect(grpcStatusOf(code, replyFor(code))).toBeGreaterThan(0);
  });
});

describe('an answer to a gRPC call', () => {
  const reply = { status: 503, text: '503 100% busy (OVERLOADED)', lines: 'Retry-After: 1\r\n' };

  it('is a 200 without messages that says the status', () => {
    expect(grpcReply('OVERLOADED', reply)).toEqual({
      status: 200,
      text: '',
      lines:
        'Content-Type: application/grpc\r\ngrpc-status: 14\r\ngrpc-message: 503 100%25 busy (OVERLOADED)\r\nRetry-After: 1\r\n',
    });
  });

  it('says what is wrong in a line where the pool has a page for it', () => {
    const page = { ...reply, text: '<p>Sorry\r\ngrpc-status: 0\r\n', contentType: 'text/html' };
    expect(grpcReply('NO_ENDPOINTS', page).lines).toContain(
      'grpc-message: 503 the backends have no endpoints (NO_ENDPOINTS)\r\n',
    );
    expect(grpcEnd('NO_ENDPOINTS', page, 'frames').trailers).not.toContain('Sorry');
  });

  it('that has begun ends in trailers', () => {
    const trailers = 'grpc-status: 14\r\ngrpc-message: 503 100%25 busy (OVERLOADED)\r\n';
    const end = { before: '', rangeCount: 0, done: true, trailers };
    expect(grpcEnd('OVERLOADED', reply, 'frames')).toMatchObject({ ...end, after: '' });
    expect(grpcEnd('OVERLOADED', reply, 'chunked')).toMatchObject({ ...end, after: `0\r\n${trailers}\r\n` });
  });
});
