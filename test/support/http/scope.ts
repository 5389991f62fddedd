import { afterEach } from 'vitest';
import { type BackendOptions, type Script, ScriptedBackend } from './backend.ts';
import { Http2Backend, type Http2BackendOptions, type Http2Script } from './http2-backend.ts';
import { H2Client } from '../http2/client.ts';
import { RawH2Client } from '../http2/raw-client.ts';
import { HttpProxy, type HttpProxyOptions } from './proxy.ts';

/** Starts what a test needs; call it once in a `describe`. Everything is closed after each test. */
export function httpScope() {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const part of open.splice(0).toReversed()) await part.close();
  });
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    open.push(part);
    return part;
  };
  const startBackend = async (options?: BackendOptions | Script) =>
    keep(await ScriptedBackend.start(options));
  const startProxy = async (options: HttpProxyOptions) => keep(await HttpProxy.start(options));
  const startHttp2 = async (options?: Http2BackendOptions | Http2Script) =>
    keep(await Http2Backend.start(options));
  return {
    keep,
    backend: startBackend,
    http2Backend: startHttp2,
    proxy: startProxy,
    /** An HTTP/2 client by prior knowledge. */
    h2: async ({ port }: HttpProxy) => keep(await H2Client.connect(port)),
    /** One that sends frames as it is told. */
    rawH2: async ({ port }: HttpProxy, start?: Buffer) => keep(await RawH2Client.connect(port, start)),
    /** A backend with this behaviour, and a proxy before it. */
    async pair(options?: BackendOptions | Script, config: HttpProxyOptions['config'] = {}) {
      const backend = await startBackend(options);
      const proxy = await startProxy({ ports: [backend.port], config });
      return { backend, proxy };
    },
    /** An HTTP/2 backend with this behaviour, and a proxy before it. */
    async http2Pair(options?: Http2BackendOptions | Http2Script, config: HttpProxyOptions['config'] = {}) {
      const backend = await startHttp2(options);
      const proxy = await startProxy({ ports: [backend.port], appProtocol: 'h2c', config });
      return { backend, proxy };
    },
  };
}
