import { describe, expect, it } from 'vitest';
import {
  encodeCheckRequest,
  grpcStatusFailure,
  judgeCheckResponse,
} from '../../../../proxy/health/grpc-health.ts';

function response(...message: number[]): Buffer {
  return Buffer.from([0, 0, 0, 0, message.length, ...message]);
}

describe('the messages of a gRPC health check', () => {
  it('asks for the server as a whole with an empty message', () => {
    expect([...encodeCheckRequest('')]).toEqual([0, 0, 0, 0, 0]);
  });

  it('names the service', () => {
    expect([...encodeCheckRequest('shop')]).toEqual([0, 0, 0, 0, 6, 0x0a, 4, 0x73, 0x68, 0x6f, 0x70]);
  });

  it('writes the length of a long name as a varint', () => {
    expect([...encodeCheckRequest('s'.repeat(300)).subarray(0, 8)]).toEqual([0, 0, 0, 1, 47, 0x0a, 0xac, 2]);
  });

  it.each([
    ['SERVING', response(0x08, 1), 'pass'],
    ['UNKNOWN', response(), 'the service is UNKNOWN, wanted SERVING'],
    ['NOT_SERVING', response(0x08, 2), 'the service is NOT_SERVING, wanted SERVING'],
    ['SERVICE_UNKNOWN', response(0x08, 3), 'the service is SERVICE_UNKNOWN, wanted SERVING'],
    ['a state of a later version', response(0x08, 9), 'the service is in state 9, wanted SERVING'],
    ['fields of a later version before it', response(0x10, 5, 0x1a, 2, 1, 2, 0x08, 1), 'pass'],
    ['no message', Buffer.alloc(0), 'the answer is no HealthCheckResponse'],
    ['a compressed message', Buffer.from([1, 0, 0, 0, 2, 8, 1]), 'the answer is no HealthCheckResponse'],
    ['a length that is wrong', Buffer.from([0, 0, 0, 0, 9, 8, 1]), 'the answer is no HealthCheckResponse'],
    ['a field that ends outside', response(0x1a, 9, 1), 'the answer is no HealthCheckResponse'],
    [
      'a varint without end',
      response(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
      'the answer is no HealthCheckResponse',
    ],
    ['a wire type that is not used', response(0x0d, 1, 2, 3, 4), 'the answer is no HealthCheckResponse'],
  ])('reads %s', (_, body, expected) => {
    const result = judgeCheckResponse(body);
    expect(result.kind === 'pass' ? 'pass' : result.message).toBe(expected);
  });

  it.each([
    ['5', 'grpc-status 5 (NOT_FOUND), wanted 0'],
    ['99', 'grpc-status 99, wanted 0'],
    ['\u001b[31m', 'grpc-status that is not a number, wanted 0'],
    [undefined, 'the answer has no grpc-status'],
  ])('explains grpc-status %j', (status, message) => {
    expect(grpcStatusFailure(status)).toMatchObject({ kind: 'fail', message });
  });
});
