import { readFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';
import type { Peer } from './peer.ts';

/** The library with a keep-alive agent: what most proxies written for Node are built on. It checks no health. */
export const httpProxyLibrary: Peer = {
  name: 'http-proxy',
  protocols: ['HTTP'],
  install: 'make setup',
  version: () => {
    const manifest = new URL('../../node_modules/http-proxy/package.json', import.meta.url);
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
  },
  command: ({ listen, backend }) => [
    process.execPath,
    '--no-deprecation',
    import.meta.filename,
    String(listen),
    String(backend),
  ],
};

if (import.meta.main) {
  const [listen, backend] = process.argv.slice(2).map(Number);
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const proxy = httpProxy.createProxyServer({
    target: { host: '127.0.0.1', port: backend! },
    agent,
    xfwd: true,
  });
  proxy.on('error', (_error, _request, response) => response.destroy());
  createServer((request, response) => proxy.web(request, response)).listen(listen, '127.0.0.1');
}
