import { parseAuthority } from './authority.ts';
import type { RequestHead } from './h1/request-head.ts';

/** What the proxy itself knows about where a request comes from. */
export interface Origin {
  /** Address of the peer, after the PROXY protocol. */
  readonly peer: string;
  readonly scheme: 'http' | 'https';
  /** The port that the client reached. */
  readonly port: number;
}

/**
 * Header lines that tell a backend where the requests of one connection come from: X-Forwarded-For, -Proto, -Host,
 * -Port and Forwarded (RFC 7239). What a peer claims in such headers is overwritten, unless it is trusted: then its
 * lists are appended to, and its scheme, host, port, X-Forwarded-Prefix and X-Real-IP stay.
 */
export class ForwardedLines {
  readonly #origin: Origin;
  readonly #trusted: boolean;
  #authority: string | undefined;
  #lines = '';

  constructor(origin: Origin, trusted: boolean) {
    this.#origin = origin;
    this.#trusted = trusted;
  }

  /** The lines for one request. Made once for as long as the requests name the same host and claim nothing. */
  for(head: RequestHead): string {
    if (this.#trusted && head.hasIdentity) return appendedLines(head, this.#origin);
    if (head.authority !== this.#authority) {
      this.#authority = head.authority;
      this.#lines = ownLines(head.authority, this.#origin);
    }
    return this.#lines;
  }
}

function ownLines(authority: string, { peer, scheme, port }: Origin): string {
  return (
    `X-Forwarded-For: ${peer}\r\nX-Forwarded-Proto: ${scheme}\r\n${hostLine(authority)}` +
    `X-Forwarded-Port: ${port}\r\nForwarded: ${forwardedElement(authority, peer, scheme)}\r\n`
  );
}

function appendedLines(head: RequestHead, { peer, scheme, port }: Origin): string {
  const claimed = (name: string, isValid: (value: string) => boolean, own: string) => {
    const value = head.header(name);
    return value !== undefined && isValid(value) ? value : own;
  };
  const host = claimed('x-forwarded-host', (value) => parseAuthority(value) !== undefined, head.authority);
  const proto = claimed('x-forwarded-proto', (value) => value === 'http' || value === 'https', scheme);
  return (
    `X-Forwarded-For: ${listStart(head, 'x-forwarded-for')}${peer}\r\nX-Forwarded-Proto: ${proto}\r\n${hostLine(host)}` +
    `X-Forwarded-Port: ${claimed('x-forwarded-port', (value) => /^\d{1,5}$/.test(value), String(port))}\r\n` +
    `Forwarded: ${listStart(head, 'forwarded')}${forwardedElement(head.authority, peer, scheme)}\r\n` +
    keptLine(head, 'x-forwarded-prefix', 'X-Forwarded-Prefix') +
    keptLine(head, 'x-real-ip', 'X-Real-IP')
  );
}

function listStart(head: RequestHead, name: string): string {
  const value = head.header(name);
  return value === undefined || value === '' ? '' : `${value}, `;
}

function keptLine(head: RequestHead, name: string, written: string): string {
  const value = head.header(name);
  return value === undefined ? '' : `${written}: ${value}\r\n`;
}

/** An HTTP/1.0 request may come without a host. */
function hostLine(authority: string): string {
  return authority === '' ? '' : `X-Forwarded-Host: ${authority}\r\n`;
}

function forwardedElement(authority: string, peer: string, scheme: string): string {
  const node = peer.includes(':') ? `"[${peer}]"` : peer;
  return `for=${node};${authority === '' ? '' : `host="${authority}";`}proto=${scheme}`;
}
