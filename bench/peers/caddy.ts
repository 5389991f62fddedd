import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, versionSaid } from './peer.ts';

export const caddy: Peer = {
  name: 'Caddy',
  protocols: ['HTTP'],
  install: 'apt-get install caddy',
  version: () => versionSaid(['caddy', 'version']),
  command: ({ listen, backend }, dir) => {
    const file = join(dir, `Caddyfile-${listen}`);
    writeFileSync(
      file,
      `{
  admin off
  auto_https off
}
http://:${listen} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${backend} {
    health_uri /
    health_interval 5s
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`,
    );
    // It keeps what it was last told there.
    return [
      'env',
      `XDG_CONFIG_HOME=${dir}`,
      `XDG_DATA_HOME=${dir}`,
      'caddy',
      'run',
      '--config',
      file,
      '--adapter',
      'caddyfile',
    ];
  },
};
