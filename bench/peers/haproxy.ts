import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificateIn } from '../certificate.ts';
import { type Peer, versionSaid } from './peer.ts';

const HTTP = `  mode http
  option forwardfor
  option http-keep-alive
  http-reuse always
  timeout http-request 10s`;

export const haproxy: Peer = {
  name: 'HAProxy',
  protocols: ['HTTP', 'HTTPS', 'HTTP2', 'GRPC', 'TCP'],
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
${protocol === 'TCP' ? '  mode tcp' : HTTP}
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:${listen}${protocol === 'HTTPS' ? ` ssl crt ${certificateIn(dir).both}` : ''}
  default_backend origin
backend origin
  balance roundrobin
  ${protocol === 'TCP' || protocol === 'GRPC' ? '' : 'option httpchk GET /'}
  server one 127.0.0.1:${backend}${protocol === 'GRPC' ? ' proto h2' : ''} check inter 5s
`,
    );
    return ['haproxy', '-db', '-f', file];
  },
};
