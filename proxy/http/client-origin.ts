import type { Socket } from 'node:net';
import type { Parties } from '../listen/proxy-protocol.ts';
import { clientAddress } from '../net/client-address.ts';
import { clientAddressOf, isTrustedPeer } from './client-address-source.ts';
import { ForwardedLines } from './forwarded.ts';
import type { RequestHead } from './h1/request-head.ts';
import type { HttpPort } from './http-port.ts';

/** Where the requests of one connection come from: both ends of it, and what its peer may say about them. */
export class ClientOrigin {
  readonly #port: HttpPort;
  readonly #socket: Socket;
  readonly #parties: Parties | undefined;
  #peer: string | undefined;
  #isTrusted = false;
  #forwarded: ForwardedLines | undefined;

  /** @param parties what a PROXY protocol header said, if there was one */
  constructor(port: HttpPort, socket: Socket, parties: Parties | undefined) {
    this.#port = port;
    this.#socket = socket;
    this.#parties = parties;
  }

  /** Who is at the other end, after the PROXY protocol. Asked of the kernel once. */
  get peer(): string {
    this.#peer ??= this.#parties?.source.address ?? clientAddress(this.#socket.remoteAddress);
    return this.#peer;
  }

  /** Both ends of the connection; undefined: not known any more. */
  get parties(): Parties | undefined {
    if (this.#parties !== undefined) return this.#parties;
    const { remoteAddress, remotePort, localAddress, localPort } = this.#socket;
    if (remotePort === undefined || localPort === undefined) return undefined;
    return {
      source: { address: clientAddress(remoteAddress), port: remotePort },
      destination: { address: clientAddress(localAddress), port: localPort },
    };
  }

  /** Tells the head of a request what only its connection knows. */
  describe(head: RequestHead): void {
    const { peer } = this;
    if (this.#forwarded === undefined) {
      const { clientAddresses, scheme, number } = this.#port;
      this.#isTrusted = isTrustedPeer(clientAddresses, peer);
      this.#forwarded = new ForwardedLines({ peer, scheme, port: number }, this.#isTrusted);
    }
    // What HTTP/1.0 need not say. A backend gets HTTP/1.1, which does.
    if (head.authority === '') head.authority = localAuthority(this.#socket);
    if (head.hasIdentity && !this.#isTrusted) head.hideIdentity();
    head.clientAddress = this.#isTrusted
      ? clientAddressOf(head.header('x-forwarded-for'), this.#port.clientAddresses.hops, peer)
      : peer;
  }

  /** Lines that tell a backend where a request comes from, which was described before. */
  forwardedLines(head: RequestHead): string {
    return this.#forwarded!.for(head);
  }
}

/** Address and port that the client reached. */
function localAuthority({ localAddress = '', localPort = 0 }: Socket): string {
  const address = clientAddress(localAddress);
  return `${address.includes(':') ? `[${address}]` : address}:${localPort}`;
}
