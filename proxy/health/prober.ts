import { Agent } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { converse } from './probe-connection.ts';
import { probeCustom } from './probe-custom.ts';
import { probeGrpc } from './probe-grpc.ts';
import { httpDialogue } from './probe-http.ts';
import { probeHttp2 } from './probe-http2.ts';
import { tcpDialogue } from './probe-tcp.ts';
import { probeUdp } from './probe-udp.ts';
import type { RunProbe } from './probe.ts';

/** Connections to one custom prober at a time; further questions wait within their timeout. */
const PROBER_CONNECTIONS = 32;

export interface Prober {
  readonly run: RunProbe;
  /** Closes kept connections. Idempotent. */
  close(): void;
}

/** Every kind of probe, over real sockets. */
export function createProber(clock: Clock): Prober {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: PROBER_CONNECTIONS,
    maxFreeSockets: PROBER_CONNECTIONS,
  });
  return {
    run(target, done) {
      const { probe, timeoutMs } = target.spec;
      switch (probe.type) {
        case 'TCP':
          return converse(clock, target, tcpDialogue(probe, timeoutMs), done);
        case 'HTTP':
          if (probe.version === 'HTTP/2') return probeHttp2(clock, target, probe, done);
          return converse(clock, target, httpDialogue(probe, target.address, target.port), done);
        case 'GRPC':
          return probeGrpc(clock, target, probe.service, done);
        case 'UDP':
          return probeUdp(clock, target, probe, done);
        case 'Custom':
          return probeCustom({ clock, agent }, target, probe.url, done);
      }
    },
    close: () => agent.destroy(),
  };
}
