/** A request as routing sees it, whichever HTTP version it came in. */
export interface RequestView {
  readonly method: string;
  /** Lower case, without port and trailing dot. */
  readonly hostname: string;
  /** Normalised path: what is matched is what is forwarded. Starts with `/`. */
  readonly path: string;
  /** Without the `?`; empty when there is none. */
  readonly query: string;
  /** The client's address, after PROXY protocol and `clientIP`, in canonical text form. */
  readonly clientAddress: string;
  /** Is a body announced? `Content-Length: 0` announces none. Routing refuses no request for a body that it has not. */
  readonly hasBody: boolean;
  /**
   * Value of a header by lower-case name; several are joined as RFC 9110 section 5.3 says, those of Cookie by `; `
   * (RFC 9113 section 8.2.3).
   */
  header(name: string): string | undefined;
}
