import type { ErrorCode } from '../errors.ts';

/** What this proxy has run out of: no fault of the endpoint. */
const OWN_FAULT: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM']);

/** Of OpenSSL, of Node's check of the name, or of the verification of the certificate. */
export function isTlsError(code: string): boolean {
  return /^ERR_(SSL|TLS)_|CERT|^UNABLE_TO_|CRL|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH|INVALID_PURPOSE/.test(
    code,
  );
}

/** Why a connection did not come about. */
export function connectErrorCode(error: Error): ErrorCode {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'UPSTREAM_CONNECT_REFUSED';
  if (code === 'ETIMEDOUT') return 'UPSTREAM_CONNECT_TIMEOUT';
  if (code.startsWith('ERR_HTTP2')) return 'UPSTREAM_PROTOCOL';
  if (isTlsError(code)) return 'UPSTREAM_TLS_FAILED';
  return OWN_FAULT.has(code) ? 'OVERLOADED' : 'UPSTREAM_CONNECT_FAILED';
}
