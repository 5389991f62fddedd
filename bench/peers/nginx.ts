import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CertificateFiles, certificateIn } from '../certificate.ts';
import { type Peer, type Protocol, versionSaid } from './peer.ts';

const LISTEN: Partial<Record<Protocol, string>> = { HTTPS: ' ssl', HTTP2: ' http2', GRPC: ' http2' };

const HTTP = `proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;`;

const GRPC = `grpc_pass grpc://origin;
      grpc_set_header Host $host;
      grpc_set_header X-Forwarded-For $remote_addr;`;

export const nginx: Peer = {
  name: 'nginx',
  protocols: ['HTTP', 'HTTPS', 'HTTP2', 'GRPC'],
  install: 'apt-get install nginx',
  version: () => versionSaid(['nginx', '-v']),
  command: ({ protocol, listen, backend }, dir) =>
    nginxCommand(
      join(dir, `nginx-${listen}`),
      `upstream origin { server 127.0.0.1:${backend}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${listen}${LISTEN[protocol] ?? ''};
    ${protocol === 'HTTPS' ? tls(certificateIn(dir)) : ''}
    location / {
      ${protocol === 'GRPC' ? GRPC : HTTP}
    }
  }`,
    ),
};

function tls({ chain, key }: CertificateFiles): string {
  return `ssl_certificate ${chain}; ssl_certificate_key ${key}; ssl_protocols TLSv1.2 TLSv1.3;`;
}

/** One worker process, in the foreground; `body` goes into the http block. */
export function nginxCommand(prefix: string, body: string): readonly string[] {
  mkdirSync(prefix, { recursive: true });
  const file = join(prefix, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
pid ${prefix}/nginx.pid;
error_log ${prefix}/error.log;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  keepalive_requests 100000000;
  ${body}
}
`,
  );
  return ['nginx', '-p', prefix, '-c', file];
}
