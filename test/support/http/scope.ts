import { afterEach } from 'vitest';
import { type BackendOptions, type Script, ScriptedBackend } from './backend.ts';
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
  return {
    keep,
    backend: startBackend,
    proxy: startProxy,
    /** A backend with this behaviour, and a proxy before it. */
    async pair(options?: BackendOptions | Script, config: HttpProxyOptions['config'] = {}) {
      const backend = await startBackend(options);
      const proxy = await startProxy({ ports: [backend.port], config });
      return { backend, proxy };
    },
  };
}
