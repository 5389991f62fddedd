import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Deadline, type Deadlines } from '../conn/deadlines.ts';
import { normalServerName } from './client-hello.ts';
import { HelloPeek, type Peeked } from './hello-peek.ts';
import { TerminatedSocket } from './terminated-socket.ts';
import {
  requiresCertificate,
  type PassthroughEntry,
  type TerminatingEntry,
  type TlsEntry,
} from './tls-port.ts';

/** Why a connection did not get as far as its first byte of plain text; for metrics, so there are few. */
export type HandshakeFailure =
  | 'timeout'
  | 'closed'
  | 'not_tls'
  | 'bad_hello'
  | 'unknown_name'
  | 'no_certificate'
  | 'client_certificate'
  | 'no_common_terms'
  | 'refused_by_client'
  | 'protocol';

/** What a handshake has settled. */
export interface Secured {
  readonly kind: 'secured';
  readonly socket: TLSSocket;
  readonly entry: TerminatingEntry;
  readonly serverName: string | undefined;
  /** `TLSv1.3` */
  readonly version: string;
  /** Undefined: the client offered no protocol. */
  readonly alpn: string | undefined;
  readonly isResumed: boolean;
  /** Of a client that has shown one that is valid. */
  readonly clientCertificate: ClientCertificate | undefined;
}

export type ClientCertificate = NonNullable<ReturnType<TLSSocket['getPeerX509Certificate']>>;

/** The bytes of a connection are none of our business, but for the name in its ClientHello. */
export interface Passed {
  readonly kind: 'passed';
  readonly socket: Socket;
  readonly entry: PassthroughEntry;
  readonly serverName: string | undefined;
}

export interface HandshakeOptions {
  readonly find: (serverName: string | undefined) => TlsEntry | undefined;
  /** Offered in this order of preference. Absent: none. */
  readonly protocols?: readonly string[];
  readonly timeoutMs: number;
  readonly deadlines: Deadlines;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

type Outcome = Secured | Passed | HandshakeFailure;

/**
 * From an accepted connection to its plain text: reads the ClientHello, finds the listener that it is for, and does
 * the handshake by that listener's terms. `done` is called once; the connection of a failure has been closed by then.
 */
export class Handshake {
  place = -1;
  readonly #encrypted: Socket;
  readonly #options: HandshakeOptions;
  readonly #done: (outcome: Outcome) => void;
  readonly #late = new Deadline(() => this.#fail('timeout'));
  readonly #peek: HelloPeek;
  #socket: TerminatedSocket | undefined;
  #over = false;

  constructor(encrypted: Socket, options: HandshakeOptions, done: (outcome: Outcome) => void) {
    this.#encrypted = encrypted;
    this.#options = options;
    this.#done = done;
    this.#peek = new HelloPeek(encrypted, (peeked) => this.#peeked(peeked));
  }

  start(): void {
    this.#options.deadlines.set(this.#late, this.#options.timeoutMs);
    this.#encrypted.on('error', ignore);
    this.#peek.start();
  }

  /** The port is closed. */
  abort(): void {
    this.#fail('closed');
  }

  #peeked(peeked: Peeked): void {
    if (typeof peeked === 'string') {
      if (peeked === 'bad_hello') this.#encrypted.write(DECODE_ERROR);
      this.#fail(peeked);
      return;
    }
    const { serverName } = peeked;
    const entry = this.#options.find(serverName);
    if (entry === undefined) {
      this.#encrypted.write(UNRECOGNIZED_NAME);
      this.#fail('unknown_name');
    } else if (entry.mode === 'Passthrough') {
      this.#end({ kind: 'passed', socket: this.#encrypted, entry, serverName });
    } else this.#secure(entry, serverName);
  }

  #secure(entry: TerminatingEntry, serverName: string | undefined): void {
    const context = contextOf(entry, serverName);
    if (context === undefined) {
      this.#encrypted.write(INTERNAL_ERROR);
      this.#fail('no_certificate');
      return;
    }
    const { protocols } = this.#options;
    const { clientValidation } = entry.tls;
    const socket = new TerminatedSocket(this.#encrypted, {
      isServer: true,
      secureContext: context,
      requestCert: clientValidation !== undefined,
      rejectUnauthorized: clientValidation?.mode === 'Required',
      ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
    });
    this.#socket = socket;
    const onSecure = (): void => {
      const refusal = this.#refusalOf(socket, entry, serverName);
      if (refusal !== undefined) {
        this.#fail(refusal);
        return;
      }
      socket.off('error', onError).off('end', onClose).off('close', onClose);
      this.#end({
        kind: 'secured',
        socket,
        entry,
        serverName,
        version: socket.getProtocol() ?? '',
        alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
        isResumed: socket.isSessionReused(),
        clientCertificate: certificateOf(socket, entry),
      });
    };
    const onError = (error: NodeJS.ErrnoException): void => this.#fail(failureOf(error.code));
    const onClose = (): void => this.#fail('closed');
    // Half a connection is no handshake.
    socket.once('secure', onSecure).on('error', onError).on('end', onClose).on('close', onClose);
  }

  /** What OpenSSL lets through, and we do not. */
  #refusalOf(
    socket: TerminatedSocket,
    entry: TerminatingEntry,
    serverName: string | undefined,
  ): HandshakeFailure | undefined {
    // We and OpenSSL have read the same bytes: had they meant another name to it, it would be by other terms. (A
    // session of TLS 1.2 that is resumed tells none; its keys are the listener's own.)
    const { servername } = socket as { servername?: unknown };
    if (typeof servername === 'string' && normalServerName(servername) !== serverName) return 'bad_hello';
    // A client may take its time: the name may be another listener's by now, or a certificate have come to be required.
    const current = this.#options.find(serverName);
    if (current?.id !== entry.id) return 'unknown_name';
    const certificate = certificateOf(socket, entry);
    if (certificate === undefined) {
      return requiresCertificate(entry) || requiresCertificate(current) ? 'client_certificate' : undefined;
    }
    // The verdict of a resumed session is as old as the session.
    const hasEnded = certificate.validToDate.getTime() <= this.#options.now();
    return hasEnded || !isVerified(socket) ? 'client_certificate' : undefined;
  }

  #fail(failure: HandshakeFailure): void {
    if (this.#over) return;
    this.#peek.cancel();
    const closing = this.#socket ?? this.#encrypted;
    closing.on('error', ignore);
    this.#end(failure);
    // An alert that has been written should arrive: what is unread would turn it into a reset.
    if (this.#socket === undefined && this.#encrypted.writableLength > 0) this.#encrypted.destroySoon();
    else closing.destroy();
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.deadlines.clear(this.#late);
    // Errors of a connection under TLS are its plain text's, too.
    if (typeof outcome !== 'string' && outcome.kind === 'passed') this.#encrypted.off('error', ignore);
    this.#done(outcome);
  }
}

function certificateOf(socket: TLSSocket, { tls }: TerminatingEntry): ClientCertificate | undefined {
  return tls.clientValidation === undefined ? undefined : socket.getPeerX509Certificate();
}

/** Fatal alerts (RFC 8446 section 6), as the records that they are before there are keys. */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);
const DECODE_ERROR = Buffer.from([21, 3, 3, 0, 2, 2, 50]);
const INTERNAL_ERROR = Buffer.from([21, 3, 3, 0, 2, 2, 80]);

function contextOf({ contexts }: TerminatingEntry, serverName: string | undefined) {
  try {
    return contexts.find(serverName);
  } catch {
    // Resolution has tried this very certificate; a proxy with another OpenSSL may think otherwise.
    return undefined;
  }
}

/** Only `tls.Server` puts the verdict where everybody finds it. Where it is not to be had, nobody is let in. */
function isVerified(socket: TLSSocket): boolean {
  const { _handle: handle } = socket as { _handle?: { verifyError?: () => unknown } | null };
  return typeof handle?.verifyError === 'function' && (handle.verifyError() ?? undefined) === undefined;
}

function failureOf(code = ''): HandshakeFailure {
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'closed';
  if (code.includes('CERTIFICATE') && code.includes('PEER_DID_NOT_RETURN')) return 'client_certificate';
  if (code.startsWith('ERR_SSL_') && code.includes('_ALERT_')) return 'refused_by_client';
  if (/UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER|NO_APPLICATION_PROTOCOL|NO_SUITABLE|VERSION/.test(code)) {
    return 'no_common_terms';
  }
  return 'protocol';
}

function ignore(): void {}
