import type { LoadBalancerPool } from '../api/pool.ts';
import { hostPort } from '../lib/host-port.ts';
import type { DemoServer } from '../standalone/demo.ts';

export interface Running {
  readonly version: string;
  /** `host:port` of the admin pages. */
  readonly admin: string;
  /** Of listeners that name no address. */
  readonly bindAddress: string;
  /** Absent: no demo. */
  readonly demo: readonly DemoServer[] | undefined;
}

/** Printed once by `evenkeel run` where nobody draws a table: where to send requests, and what to try. */
export function welcome(pools: readonly LoadBalancerPool[], running: Running): string {
  const { admin, bindAddress, demo } = running;
  const lines = ['', 'Evenkeel is running. Send traffic to:', ''];
  for (const pool of pools) {
    for (const where of places(pool, bindAddress)) {
      const how = where.startsWith('http') ? `curl ${where}` : where;
      lines.push(`  ${how.padEnd(36)} ${pool.metadata.name} (${pool.spec.loadBalancing.algorithm})`);
    }
  }
  lines.push(
    '',
    `Status page:      http://${admin}/`,
    `Status, metrics:  evenkeel get --admin ${admin}   curl http://${admin}/metrics`,
  );
  if (demo !== undefined) lines.push(`Demo servers:     ${demoText(demo)}`, '', whatToTry(demo));
  return `${lines.join('\n')}\n\n`;
}

/** What stands above the live table, as of now: a server that comes back has another pid. */
export function liveHeader({ version, admin, demo }: Running): string[] {
  return [
    `Evenkeel ${version} is running (Ctrl-C ends it). Status page: http://${admin}/`,
    ...(demo === undefined ? [] : [`Demo servers: ${demoText(demo)}.`, whatToTry(demo)]),
    '',
  ];
}

/** Where a pool takes requests, as somebody on this machine reaches it. */
export function places({ spec }: LoadBalancerPool, bindAddress: string): string[] {
  return spec.listeners.map(({ protocol, port, address = bindAddress }) => {
    const where = hostPort(address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address, port);
    return protocol === 'HTTP' || protocol === 'HTTPS'
      ? `${protocol.toLowerCase()}://${where}/`
      : `${protocol} ${where}`;
  });
}

function demoText(demo: readonly DemoServer[]): string {
  return demo
    .map(({ name, pid }) => (pid === undefined ? `${name} is away` : `${name} is pid ${pid}`))
    .join(', ');
}

function whatToTry(demo: readonly DemoServer[]): string {
  const pid = demo.find((server) => server.pid !== undefined)?.pid;
  const kill = pid === undefined ? '' : `  kill -9 ${pid}`;
  return `Kill one (it comes back after 10 s) and go on sending: no request fails.${kill}`;
}
