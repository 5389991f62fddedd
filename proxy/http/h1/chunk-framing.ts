/** What comes before `size` bytes of content, and after them `CHUNK_END` (RFC 9112 section 7.1). `size` is at least 1. */
export function chunkStart(size: number): string {
  return `${size.toString(16)}\r\n`;
}

export const CHUNK_END = '\r\n';

/** Ends a body; `trailers` are complete lines. */
export function lastChunk(trailers = ''): string {
  return `0\r\n${trailers}\r\n`;
}
