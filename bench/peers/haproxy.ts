import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Peer } from './peer.ts';

export const haproxy: Peer = {
  name: 'HAProxy',
  command: ({ listen, backend }, dir) => {
    const file = join(dir, 'haproxy.cfg');
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  option forwardfor
  option http-keep-alive
  http-reuse always
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout http-request 10s
frontend web
  bind 127.0.0.1:${listen}
  default_backend servers
backend servers
  balance roundrobin
  option httpchk GET /
  server one 127.0.0.1:${backend} check
`,
    );
    return ['haproxy', '-db', '-f', file];
  },
};
