/** What one message may weigh. Checked while it is read, so nothing is connected or buffered for more. */

/** Request line, header lines and the blank line. */
export const MAX_REQUEST_HEAD_BYTES = 16_384;
/** Status line, header lines and the blank line of a backend. */
export const MAX_RESPONSE_HEAD_BYTES = 32_768;
export const MAX_HEADERS = 100;
export const MAX_HEADER_NAME_BYTES = 256;
export const MAX_METHOD_BYTES = 32;
/** RFC 9112 section 3 recommends at least 8,000. */
export const MAX_TARGET_BYTES = 8_192;
export const MAX_HOSTNAME_BYTES = 253;
/** Extensions of all chunks of one body together. */
export const MAX_CHUNK_EXTENSION_BYTES = 16_384;
export const MAX_TRAILER_BYTES = 8_192;
/** Interim responses to one request; a backend that sends more has lost its way. */
export const MAX_INTERIM = 32;
/** A request that has passed this many proxies of ours goes in circles. */
export const MAX_HOPS = 8;
