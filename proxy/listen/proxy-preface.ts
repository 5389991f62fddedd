import type { Socket } from 'node:net';
import type { Listener } from '../../api/snapshot.ts';
import { Deadline, type Deadlines } from '../conn/deadlines.ts';
import { type CidrSet, compileCidrSet, parseAddress } from '../net/cidr-set.ts';
import { clientAddress } from '../net/client-address.ts';
import { parseProxyHeader, type Parties } from './proxy-protocol.ts';

/** A header that is not complete by then never will be. */
const HEADER_MS = 3_000;

export interface PrefaceRules {
  readonly required: boolean;
  /** Peers whose header is believed. */
  readonly trusted: CidrSet;
}

/** Undefined: connections begin without a header. */
export function compilePreface({ proxyProtocol }: Listener): PrefaceRules | undefined {
  if (proxyProtocol === undefined) return undefined;
  const { mode, trustedCIDRs } = proxyProtocol;
  return { required: mode === 'Required', trusted: compileCidrSet(trustedCIDRs) };
}

/** How a connection begins, once that is known. */
export interface Preface {
  /** Undefined: the connection speaks for itself. */
  readonly parties: Parties | undefined;
  /** Bytes that the header took. */
  readonly length: number;
}

/**
 * Reads the PROXY protocol header that a fresh connection may or must begin with. `done` is called once, unless the
 * client leaves before: with what was found, or, when the connection is to be closed, with why. What came behind the
 * header is then still to be read from the socket, and nobody listens to it.
 *
 * A client that says nothing for three seconds where the header is optional has none: its server speaks first.
 */
export class PrefaceReader {
  place = -1;
  readonly #socket: Socket;
  readonly #rules: PrefaceRules;
  readonly #deadlines: Deadlines;
  readonly #done: (found: Preface | string | undefined) => void;
  readonly #late = new Deadline(() => this.#tooLate());
  readonly #believed: boolean;
  #bytes: Buffer = Buffer.alloc(0);

  /** `done(undefined)`: the client has left. */
  constructor(
    socket: Socket,
    rules: PrefaceRules,
    deadlines: Deadlines,
    done: (found: Preface | string | undefined) => void,
  ) {
    this.#socket = socket;
    this.#rules = rules;
    this.#deadlines = deadlines;
    this.#done = done;
    const peer = parseAddress(clientAddress(socket.remoteAddress));
    this.#believed = peer !== undefined && rules.trusted.has(peer);
  }

  start(): void {
    if (this.#rules.required && !this.#believed) {
      this.#done('not a trusted peer');
      return;
    }
    this.#deadlines.set(this.#late, HEADER_MS);
    this.#socket.on('readable', this.#onReadable).on('end', this.#onEnd).on('close', this.#onGone);
    this.#onReadable();
  }

  /** The port is closed. */
  abort(): void {
    this.#end(undefined);
  }

  #cancel(): void {
    this.#deadlines.clear(this.#late);
    this.#socket.off('readable', this.#onReadable).off('end', this.#onEnd).off('close', this.#onGone);
  }

  readonly #onReadable = (): void => {
    const chunk = this.#socket.read() as Buffer | null;
    if (chunk === null) return;
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const header = parseProxyHeader(this.#bytes);
    switch (header.kind) {
      case 'incomplete':
        return;
      case 'absent':
        if (this.#rules.required) this.#end('no PROXY protocol header');
        else this.#begin(undefined, 0);
        return;
      case 'invalid':
        this.#end(`PROXY protocol: ${header.reason}`);
        return;
      case 'header':
        if (this.#believed) this.#begin(header.parties, header.length);
        else this.#end('PROXY protocol header from a peer that is not trusted');
        return;
    }
  };

  #begin(parties: Parties | undefined, length: number): void {
    this.#cancel();
    if (this.#bytes.length > length) this.#socket.unshift(this.#bytes.subarray(length));
    this.#done({ parties, length });
  }

  #tooLate(): void {
    if (this.#rules.required || this.#bytes.length > 0)
      this.#end('PROXY protocol header not complete in time');
    else this.#begin(undefined, 0);
  }

  readonly #onEnd = (): void => {
    if (this.#rules.required || this.#bytes.length > 0) this.#onGone();
    else this.#begin(undefined, 0);
  };

  readonly #onGone = (): void => {
    this.#end(undefined);
  };

  #end(found: Preface | string | undefined): void {
    this.#cancel();
    this.#done(found);
  }
}
