import { measureIdle } from '../../test/support/process/idle-run.ts';
import type { Measure } from '../bench.ts';
import { atMost, type Verdict } from '../section.ts';
import { measureIdleProxy } from './idle-proxy.ts';

const IDLE = [
  { protocol: 'HTTP', what: 'idle HTTP connection, kept alive', connections: 9_000, mostKiB: 20 },
  { protocol: 'TCP', what: 'idle TCP session, both connections of it', connections: 9_000, mostKiB: 20 },
  { protocol: 'HTTPS', what: 'idle TLS connection, kept alive', connections: 8_000, mostKiB: 64 },
  { protocol: 'HTTP/2', what: 'idle HTTP/2 connection with TLS', connections: 8_000, mostKiB: 96 },
] as const;
const IDLE_PROXY = { workers: 2, pools: 100, endpoints: 10 };
const IDLE_PROXY_MIB = 120;

/** Each figure is from a process of its own. */
export const memory: Measure = {
  name: 'memory',
  async run(bench) {
    const verdicts: Verdict[] = [];
    const rows: string[][] = [];
    for (const { protocol, what, connections, mostKiB } of IDLE) {
      bench.progress(`memory of an ${what}`);
      const { open, kib } = await measureIdle(protocol, connections);
      rows.push([what, `${kib.toFixed(1)} KiB each of ${open}`]);
      verdicts.push(atMost(`memory of an ${what}`, kib, mostKiB, 'KiB'));
    }
    bench.progress('memory of an idle proxy');
    const { own, files } = await measureIdleProxy(bench.dir, IDLE_PROXY);
    const { workers, pools, endpoints } = IDLE_PROXY;
    const what = `idle proxy, ${workers} workers, ${pools} pools of ${endpoints} endpoints`;
    rows.push([what, `${own.toFixed(0)} MiB of its own, ${files.toFixed(0)} MiB of Node's file`]);
    verdicts.push(atMost(`memory of an ${what}`, own + files, IDLE_PROXY_MIB, 'MiB'));
    return { title: 'Memory', head: ['of', ''], rows, verdicts, raw: rows };
  },
};
