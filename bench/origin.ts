import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../test/support/free-ports.ts';
import { udpEcho } from './loads/udp.ts';
import { nginxCommand } from './peers/nginx.ts';
import type { Protocol } from './peers/peer.ts';
import { LOAD_CORE, Pinned } from './pinned.ts';

/** What all proxies forward to: nginx with a small answer and a large one, in HTTP/1.1 and in HTTP/2, and a UDP echo. On the load core. */
export class Origin {
  readonly #processes: readonly Pinned[];
  readonly #ports: { readonly web: number; readonly http2: number; readonly udp: number };

  private constructor(processes: readonly Pinned[], ports: { web: number; http2: number; udp: number }) {
    this.#processes = processes;
    this.#ports = ports;
  }

  static async start(dir: string): Promise<Origin> {
    writeFileSync(join(dir, '1m'), Buffer.alloc(1_048_576, 'x'));
    chmodSync(dir, 0o755);
    const [web, http2, udp] = await freePorts(3);
    const sites = site(web!, dir) + http2Site(http2!);
    const server = new Pinned(nginxCommand(join(dir, 'origin'), sites), LOAD_CORE);
    const echo = new Pinned(udpEcho(udp!), LOAD_CORE);
    await server.listening(web!);
    return new Origin([server, echo], { web: web!, http2: http2!, udp: udp! });
  }

  port(protocol: Protocol): number {
    if (protocol === 'UDP') return this.#ports.udp;
    return protocol === 'GRPC' ? this.#ports.http2 : this.#ports.web;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.stop()));
  }
}

/** It listens on many addresses, so that a pool can have many endpoints. */
function site(port: number, dir: string): string {
  const addresses = ['127.0.0.1', ...originAddresses(1_000)];
  return `server {
    ${addresses.map((address) => `listen ${address}:${port};`).join('\n    ')}
    keepalive_timeout 600s;
    default_type application/octet-stream;
    location /1m { alias ${dir}/1m; }
    location / { return 200 "hello, world\\n"; }
  }`;
}

/** It answers as a gRPC server does but for the status in trailers, which nginx cannot send. */
function http2Site(port: number): string {
  return `
  server {
    listen 127.0.0.1:${port} http2;
    http2_max_concurrent_streams 1000;
    keepalive_requests 1000000000;
    default_type application/grpc;
    location / { return 200 "hello, world\\n"; }
  }`;
}

export function originAddresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `127.9.${i >> 8}.${i & 255}`);
}
