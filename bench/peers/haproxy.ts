import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, versionSaid } from './peer.ts';

const MODES = {
  HTTP: `  mode http
  option forwardfor
  option http-keep-alive
  http-reuse always
  timeout http-request 10s`,
  TCP: '  mode tcp',
};

export const haproxy: Peer = {
  name: 'HAProxy',
  protocols: ['HTTP', 'TCP'],
  install: 'apt-get install haproxy',
  version: () => versionSaid(['haproxy', '-v']),
  command: ({ protocol, listen, backend }, dir) => {
    const file = join(dir, `haproxy-${listen}.cfg`);
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 4000
defaults
${protocol === 'HTTP' ? MODES.HTTP : MODES.TCP}
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:${listen}
  default_backend origin
backend origin
  balance roundrobin
  ${protocol === 'HTTP' ? 'option httpchk GET /' : ''}
  server one 127.0.0.1:${backend} check inter 5s
`,
    );
    return ['haproxy', '-db', '-f', file];
  },
};
