import type { TlsFacts } from '../l4/l4-reporter.ts';
import type { ClientCertificate, Secured } from '../tls/handshake.ts';
import type { TlsGate } from '../tls/tls-gate.ts';
import { requiresCertificate, type TlsPort } from '../tls/tls-port.ts';

/** What the TLS of a client's connection means for the requests that come on it. */
export class ClientTls implements TlsFacts {
  readonly version: string;
  readonly serverName: string | undefined;
  /** Header lines that tell a backend who the client is; empty: nobody in particular. */
  readonly lines: string;
  readonly #gate: TlsGate;
  /** Of the listener by whose terms the connection came about. */
  readonly #entryId: string;
  /** A host that was found to be in reach, and by what: hosts may belong to others after a change. */
  #reached: string | undefined;
  #reachedBy: TlsPort | undefined;

  constructor(
    gate: TlsGate,
    { version, serverName, entry, clientCertificate }: Omit<Secured, 'socket' | 'kind'>,
  ) {
    this.version = version;
    this.serverName = serverName;
    this.lines = clientCertificate === undefined ? '' : certificateLine(clientCertificate);
    this.#gate = gate;
    this.#entryId = entry.id;
  }

  /**
   * Is the host one of the listener that the connection came about by? Another one may ask more of its clients, such
   * as a certificate: a request for it has to come on a connection of its own (RFC 9110 section 7.4). The same goes
   * for a listener that has come to require one since.
   */
  reaches(hostname: string): boolean {
    const { port } = this.#gate;
    if (hostname === this.#reached && port === this.#reachedBy) return true;
    const entry = this.#gate.find(hostname === '' ? this.serverName : hostname);
    if (entry?.id !== this.#entryId || (requiresCertificate(entry) && this.lines === '')) return false;
    this.#reached = hostname;
    this.#reachedBy = port;
    return true;
  }
}

/** RFC 9440 section 2.2: the certificate as a byte sequence of structured fields. */
function certificateLine({ raw }: ClientCertificate): string {
  return `Client-Cert: :${raw.toString('base64')}:\r\n`;
}
