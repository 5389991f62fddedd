import type { ErrorCode } from '../../errors.ts';

/** Why a message was refused, and the error a client gets for it. The names label the metric of refused messages. */
const REQUEST_ERRORS = {
  request_line: 'DOWNSTREAM_BAD_REQUEST',
  http2_preface: 'DOWNSTREAM_BAD_REQUEST',
  method_invalid: 'DOWNSTREAM_BAD_REQUEST',
  method_unknown: 'DOWNSTREAM_NOT_IMPLEMENTED',
  method_refused: 'DOWNSTREAM_METHOD',
  target_invalid: 'DOWNSTREAM_BAD_REQUEST',
  target_too_long: 'DOWNSTREAM_URI_TOO_LONG',
  path_escape: 'DOWNSTREAM_BAD_REQUEST',
  path_dots: 'DOWNSTREAM_BAD_REQUEST',
  version_invalid: 'DOWNSTREAM_BAD_REQUEST',
  version_unsupported: 'DOWNSTREAM_VERSION',
  status_line: 'DOWNSTREAM_BAD_REQUEST',
  head_too_large: 'DOWNSTREAM_HEADERS_TOO_LARGE',
  too_many_headers: 'DOWNSTREAM_HEADERS_TOO_LARGE',
  name_too_long: 'DOWNSTREAM_HEADERS_TOO_LARGE',
  name_invalid: 'DOWNSTREAM_BAD_REQUEST',
  value_invalid: 'DOWNSTREAM_BAD_REQUEST',
  line_folding: 'DOWNSTREAM_BAD_REQUEST',
  bare_lf: 'DOWNSTREAM_BAD_REQUEST',
  bare_cr: 'DOWNSTREAM_BAD_REQUEST',
  host_missing: 'DOWNSTREAM_BAD_REQUEST',
  host_repeated: 'DOWNSTREAM_BAD_REQUEST',
  host_invalid: 'DOWNSTREAM_BAD_REQUEST',
  cl_te: 'DOWNSTREAM_BAD_REQUEST',
  cl_repeated: 'DOWNSTREAM_BAD_REQUEST',
  cl_invalid: 'DOWNSTREAM_BAD_REQUEST',
  cl_mismatch: 'DOWNSTREAM_BAD_REQUEST',
  te_repeated: 'DOWNSTREAM_BAD_REQUEST',
  te_invalid: 'DOWNSTREAM_BAD_REQUEST',
  te_unsupported: 'DOWNSTREAM_NOT_IMPLEMENTED',
  te_http10: 'DOWNSTREAM_BAD_REQUEST',
  connection_invalid: 'DOWNSTREAM_BAD_REQUEST',
  expect: 'DOWNSTREAM_EXPECTATION',
  upgrade_body: 'DOWNSTREAM_BAD_REQUEST',
  pseudo_header: 'DOWNSTREAM_BAD_REQUEST',
  connection_header: 'DOWNSTREAM_BAD_REQUEST',
  field_invalid: 'DOWNSTREAM_BAD_REQUEST',
  host_mismatch: 'DOWNSTREAM_BAD_REQUEST',
  chunk_size: 'DOWNSTREAM_BAD_REQUEST',
  chunk_extension: 'DOWNSTREAM_BAD_REQUEST',
  chunk_extension_too_large: 'DOWNSTREAM_BODY_TOO_LARGE',
  chunk_end: 'DOWNSTREAM_BAD_REQUEST',
  trailer_invalid: 'DOWNSTREAM_BAD_REQUEST',
  trailer_too_large: 'DOWNSTREAM_HEADERS_TOO_LARGE',
} as const satisfies Record<string, ErrorCode>;

export type Fault = keyof typeof REQUEST_ERRORS;

export const FAULTS = Object.keys(REQUEST_ERRORS) as Fault[];

/** The error for a request with this fault. */
export function requestError(fault: Fault): ErrorCode {
  return REQUEST_ERRORS[fault];
}

/** The error for a backend's response with this fault. */
export function responseError(fault: Fault): ErrorCode {
  return REQUEST_ERRORS[fault] === 'DOWNSTREAM_HEADERS_TOO_LARGE'
    ? 'UPSTREAM_HEADERS_TOO_LARGE'
    : 'UPSTREAM_PROTOCOL';
}

/** What a parser answers besides the number of bytes that it took. */
export const INCOMPLETE = 0;
export const REFUSED = -1;
