import { KubeConfig } from '@kubernetes/client-node';
import type { ApiServerInfo } from './api-server.ts';

/** @param url absent: the API server itself; a fault proxy's otherwise */
export function configFor(
  info: ApiServerInfo,
  token: string,
  url = info.url,
  namespace = 'default',
): KubeConfig {
  const config = new KubeConfig();
  const plain = url.startsWith('http:');
  config.loadFromClusterAndUser(
    {
      name: 'test',
      server: url,
      skipTLSVerify: plain,
      ...(plain ? {} : { caData: Buffer.from(info.ca).toString('base64') }),
    },
    { name: 'test', token },
  );
  const [context] = config.contexts;
  config.contexts = [{ ...context!, namespace }];
  return config;
}
