import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../test/support/free-ports.ts';
import { udpEcho } from './loads/udp.ts';
import { nginxCommand } from './peers/nginx.ts';
import type { Protocol } from './peers/peer.ts';
import { LOAD_CORE, Pinned } from './pinned.ts';

/** What all proxies forward to: nginx with a small answer and a large one, and a UDP echo. On the load core. */
export class Origin {
  readonly #processes: readonly Pinned[];
  readonly #ports: { readonly web: number; readonly udp: number };

  private constructor(processes: readonly Pinned[], ports: { web: number; udp: number }) {
    this.#processes = processes;
    this.#ports = ports;
  }

  static async start(dir: string): Promise<Origin> {
    writeFileSync(join(dir, '1m'), Buffer.alloc(1_048_576, 'x'));
    chmodSync(dir, 0o755);
    const [web, udp] = await freePorts(2);
    const server = new Pinned(nginxCommand(join(dir, 'origin'), site(web!, dir)), LOAD_CORE);
    const echo = new Pinned(udpEcho(udp!), LOAD_CORE);
    await server.listening(web!);
    return new Origin([server, echo], { web: web!, udp: udp! });
  }

  port(protocol: Protocol): number {
    return protocol === 'UDP' ? this.#ports.udp : this.#ports.web;
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

export function originAddresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `127.9.${i >> 8}.${i & 255}`);
}
