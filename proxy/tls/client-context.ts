import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { BackendTLS } from '../../api/snapshot.ts';
import { failWhenCutShort } from './cut-short.ts';

/** Sessions that are kept; endpoints beyond that begin anew. */
const MAX_SESSIONS = 1_024;

/**
 * How TLS is spoken to the endpoints of one backend. What it knows is its own: a session is resumed only with the same
 * endpoint, under the same CA, name and client certificate, and with other settings there is another context.
 */
export class ClientContext {
  readonly settings: BackendTLS;
  /** The last one of each endpoint. */
  readonly #sessions = new Map<string, Buffer>();
  #secureContext: SecureContext | undefined;

  constructor(settings: BackendTLS) {
    this.settings = settings;
  }

  /**
   * TLS on a connection that is open or about to be: `secureConnect` when the endpoint is who it should be, else an
   * error. @param peer names the endpoint
   */
  secure(encrypted: Socket, peer: string, protocols: readonly string[]): TLSSocket {
    const { mode, serverName } = this.settings;
    const session = this.#sessions.get(peer);
    const socket = connect({
      socket: encrypted,
      secureContext: this.#context(encrypted),
      // What the certificate has to be for; an address is no server name (RFC 6066 section 3).
      ...(serverName === undefined ? {} : { host: serverName }),
      ...(serverName === undefined || isIP(serverName) !== 0 ? {} : { servername: serverName }),
      rejectUnauthorized: mode === 'Verify',
      ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
      ...(session === undefined ? {} : { session }),
    });
    failWhenCutShort(socket, encrypted);
    socket.on('session', (next) => this.#remember(peer, next));
    // A `TLSSocket` cannot reset what it is on.
    return Object.assign(socket, {
      resetAndDestroy: () => {
        if (!encrypted.destroyed) encrypted.resetAndDestroy();
        return socket.destroy();
      },
    });
  }

  #context(encrypted: Socket): SecureContext {
    const { ca, clientCertificate } = this.settings;
    try {
      this.#secureContext ??= createSecureContext({
        minVersion: 'TLSv1.2',
        // Whatever is in the bundle is trusted, also an authority whose own issuer is not.
        ...(ca === undefined ? {} : { ca, allowPartialTrustChain: true }),
        ...(clientCertificate === undefined
          ? {}
          : { cert: clientCertificate.chain, key: clientCertificate.privateKey }),
      });
      return this.#secureContext;
    } catch (error) {
      // Resolution has read the very same; a proxy with another OpenSSL may think otherwise.
      encrypted.destroy(
        Object.assign(new Error('TLS cannot be set up', { cause: error }), { code: 'ERR_TLS_CONTEXT' }),
      );
      return createSecureContext({ ca: [] });
    }
  }

  #remember(peer: string, session: Buffer): void {
    if (this.#sessions.size >= MAX_SESSIONS && !this.#sessions.has(peer)) this.#sessions.clear();
    this.#sessions.set(peer, session);
  }
}
