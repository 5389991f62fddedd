import type { ErrorCode } from '../errors.ts';
import { type BodyFraming, type BodyPiece, NO_PIECE } from './h1/body-relay.ts';
import { lastChunk } from './h1/chunk-framing.ts';
import { type Reply, replyFor } from './replies.ts';

/**
 * gRPC as far as a proxy has to know it (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): how a call is
 * told, and in what its end is said. What the messages hold is nobody's business here.
 */

/** Statuses of gRPC that we answer with, or look at. */
const GrpcStatus = {
  Unknown: 2,
  DeadlineExceeded: 4,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;

/** What a client makes of an answer that is not gRPC (doc/http-grpc-status-mapping.md), so ours says the same. */
const BY_HTTP_STATUS: ReadonlyMap<number, number> = new Map([
  [400, GrpcStatus.Internal],
  [401, GrpcStatus.Unauthenticated],
  [403, GrpcStatus.PermissionDenied],
  [404, GrpcStatus.Unimplemented],
  [429, GrpcStatus.Unavailable],
  [502, GrpcStatus.Unavailable],
  [503, GrpcStatus.Unavailable],
  [504, GrpcStatus.Unavailable],
]);

/** Where more is known than the HTTP status says. */
const BY_CODE: Partial<Record<ErrorCode, number>> = {
  REQUEST_TIMEOUT: GrpcStatus.DeadlineExceeded,
  UPSTREAM_RESPONSE_TIMEOUT: GrpcStatus.DeadlineExceeded,
  UPSTREAM_TRY_TIMEOUT: GrpcStatus.DeadlineExceeded,
  CALL_DEADLINE: GrpcStatus.DeadlineExceeded,
  DOWNSTREAM_BODY_TOO_LARGE: GrpcStatus.ResourceExhausted,
};

/** Statuses that say the same as a 5xx: something is wrong with who serves, not with what was asked. */
const SERVER_FAULTS: ReadonlySet<number> = new Set([
  GrpcStatus.Unknown,
  GrpcStatus.DeadlineExceeded,
  GrpcStatus.Unimplemented,
  GrpcStatus.Internal,
  GrpcStatus.Unavailable,
  GrpcStatus.DataLoss,
]);

const CALL = /\r\ncontent-type:[ \t]*application\/grpc(?:[+;][^\r\n]*)?[ \t]*\r\n/i;
const TIMEOUT = /\r\ngrpc-timeout:[ \t]*(\d{1,8})([HMSmun])[ \t]*\r\n/i;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const STATUS = /^grpc-status:[ \t]*(\d{1,2})[ \t]*\r?$/im;

/** @param head of a request, as text; gRPC-Web is something else */
export function isGrpcCall(head: string): boolean {
  return CALL.test(head);
}

/** @param contentType of a request */
export function isGrpcContent(contentType: string | undefined): boolean {
  return contentType !== undefined && isGrpcCall(`\r\ncontent-type:${contentType}\r\n`);
}

/** Is the time over that the caller gives this call? @param head of a request that began `elapsedMs` ago */
export function isPastDeadline(head: string, elapsedMs: number): boolean {
  const [, value, unit] = TIMEOUT.exec(head) ?? [];
  const unitMs = UNIT_MS[unit ?? ''];
  return unitMs !== undefined && isGrpcCall(head) && elapsedMs >= Number(value) * unitMs;
}

/** The `grpc-status` in header or trailer lines; undefined: there is none. */
export function grpcStatusIn(lines: string): number | undefined {
  const found = STATUS.exec(lines);
  return found === null ? undefined : Number(found[1]);
}

export function isGrpcServerFault(status: number): boolean {
  return SERVER_FAULTS.has(status);
}

/** What a call is told that ends with `code`; over plain HTTP it would have been `reply`. */
export function grpcStatusOf(code: ErrorCode, { status }: Pick<Reply, 'status'>): number {
  return BY_CODE[code] ?? BY_HTTP_STATUS.get(status) ?? GrpcStatus.Unknown;
}

/** An answer without messages ("trailers-only") instead of `reply`. */
export function grpcReply(code: ErrorCode, reply: Reply): Reply {
  return {
    status: 200,
    text: '',
    lines: `Content-Type: application/grpc\r\n${statusLines(code, reply)}${reply.lines}`,
  };
}

/** The end of a response that has begun, for a client that gets it framed like this. */
export function grpcEnd(code: ErrorCode, reply: Reply, framing: BodyFraming): BodyPiece {
  const trailers = statusLines(code, reply);
  return { ...NO_PIECE, after: framing === 'chunked' ? lastChunk(trailers) : '', trailers };
}

function statusLines(code: ErrorCode, reply: Reply): string {
  // A page that was configured is for browsers, and may be more than a line.
  const { text } = reply.contentType === undefined ? reply : replyFor(code);
  const message = text.replaceAll('%', '%25');
  return `grpc-status: ${grpcStatusOf(code, reply)}\r\ngrpc-message: ${message}\r\n`;
}
