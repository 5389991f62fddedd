import type { ErrorCode } from '../errors.ts';

/** What this proxy has run out of: no fault of the endpoint. */
const OWN_FAULT: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM']);

/** Why a connection did not come about. */
export function connectErrorCode(error: Error): ErrorCode {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'UPSTREAM_CONNECT_REFUSED';
  if (code === 'ETIMEDOUT') return 'UPSTREAM_CONNECT_TIMEOUT';
  if (code.startsWith('ERR_HTTP2_')) return 'UPSTREAM_PROTOCOL';
  return OWN_FAULT.has(code) ? 'OVERLOADED' : 'UPSTREAM_CONNECT_FAILED';
}
