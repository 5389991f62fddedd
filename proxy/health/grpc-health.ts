import { fail, PASS, type ProbeResult } from './probe.ts';

/**
 * The messages of grpc.health.v1.Health/Check and what the answer means. Two fields in all, so they are written and
 * read by hand (protobuf.dev/programming-guides/encoding; gRPC over HTTP/2: a flag byte and four of length first).
 */

/** `HealthCheckRequest { string service = 1; }` as one gRPC message. */
export function encodeCheckRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

const SERVING_STATUS = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** `HealthCheckResponse { ServingStatus status = 1; }`: 1 (SERVING) alone is healthy. */
export function judgeCheckResponse(body: Buffer): ProbeResult {
  const status = decodeStatus(body);
  if (status === undefined) return fail('ProtocolError', 'the answer is no HealthCheckResponse');
  if (status === 1) return PASS;
  return fail(
    'UnexpectedReply',
    `the service is ${SERVING_STATUS[status] ?? `in state ${status}`}, wanted SERVING`,
  );
}

/** grpc-status codes that a health check usually meets; others are shown as numbers. */
const STATUS_NAMES: Readonly<Record<string, string>> = {
  '2': 'UNKNOWN',
  '4': 'DEADLINE_EXCEEDED',
  '5': 'NOT_FOUND',
  '7': 'PERMISSION_DENIED',
  '12': 'UNIMPLEMENTED',
  '13': 'INTERNAL',
  '14': 'UNAVAILABLE',
  '16': 'UNAUTHENTICATED',
};

/** A `grpc-status` other than 0. NOT_FOUND: the server does not know the service. */
export function grpcStatusFailure(status: string | undefined): ProbeResult {
  if (status === undefined) return fail('ProtocolError', 'the answer has no grpc-status');
  const name = STATUS_NAMES[status];
  const shown = /^[0-9]{1,2}$/.test(status) ? status : 'that is not a number';
  return fail('UnexpectedReply', `grpc-status ${shown}${name === undefined ? '' : ` (${name})`}, wanted 0`);
}

/** The field `status`; 0 when it is absent, undefined when the bytes are something else. */
function decodeStatus(body: Buffer): number | undefined {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return undefined;
  let status = 0;
  let at = 5;
  while (at < body.length) {
    const tag = readVarint(body, at);
    if (tag === undefined) return undefined;
    const value = readVarint(body, tag.end);
    if (value === undefined) return undefined;
    const wireType = tag.value & 7;
    if (wireType === 0) at = value.end;
    // A field of a later version: skipped by its length.
    else if (wireType === 2) at = value.end + value.value;
    else return undefined;
    if (tag.value === 0x08) status = value.value;
  }
  return at === body.length ? status : undefined;
}

function readVarint(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let at = start; at < bytes.length && at < start + 5; at++) {
    value += (bytes[at]! & 0x7f) * 2 ** (7 * (at - start));
    if (bytes[at]! < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
