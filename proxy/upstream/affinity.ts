import { createHmac } from 'node:crypto';
import type { EndpointState } from '../state/endpoint-state.ts';

/** 120 bits: no two endpoints meet, and nobody guesses one. */
const TOKEN_BYTES = 15;

/**
 * What an affinity cookie says: names one endpoint by its identity, without showing its address. It follows from the
 * pool's uid and the endpoint alone, so it is the same on every proxy and after a restart, and means nothing in another
 * pool. It is only ever compared with the tokens of known endpoints: no value leads anywhere else.
 */
export function affinityToken(poolUid: string, endpointKey: string): string {
  return createHmac('sha256', `evenkeel affinity ${poolUid}`)
    .update(endpointKey)
    .digest()
    .subarray(0, TOKEN_BYTES)
    .toString('base64url');
}

/** A pool's `sessionAffinity` of type Cookie. */
export class CookieAffinity {
  readonly name: string;
  readonly #poolUid: string;
  readonly #attributes: string;

  constructor(poolUid: string, cookie: { readonly name: string; readonly ttlMs?: number }) {
    this.#poolUid = poolUid;
    this.name = cookie.name;
    const maxAge = cookie.ttlMs === undefined ? '' : `; Max-Age=${Math.ceil(cookie.ttlMs / 1_000)}`;
    this.#attributes = `; Path=/${maxAge}; HttpOnly; SameSite=Lax`;
  }

  /** Value of a Set-Cookie header that binds the client to this endpoint. @param secure the client came by TLS */
  setCookie(endpoint: EndpointState, secure: boolean): string {
    const token = affinityToken(this.#poolUid, endpoint.key);
    return `${this.name}=${token}${this.#attributes}${secure ? '; Secure' : ''}`;
  }
}
