/** `10.0.0.1:80`, `[2001:db8::1]:80` (RFC 3986 section 3.2.2). */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
