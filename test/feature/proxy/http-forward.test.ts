import { afterEach, describe, expect, it } from 'vitest';
import { ok, ScriptedBackend } from '../../support/http/backend.ts';
import { HttpProxy } from '../../support/http/proxy.ts';

describe('an HTTP port', () => {
  const closing: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    closing.push(part);
    return part;
  };
  afterEach(async () => {
    for (const part of closing.splice(0).reverse()) await part.close();
  });

  it('forwards a request and its response', async () => {
    const backend = keep(await ScriptedBackend.start(({ socket }) => socket.write(ok('hello'))));
    const proxy = keep(await HttpProxy.start({ ports: [backend.port] }));
    const response = await proxy.get('/a?b=c', 'X-Custom: 1\r\n');
    expect(response).toMatchObject({ status: 200, body: 'hello' });
    const [seen] = backend.requests;
    expect(seen).toMatchObject({ method: 'GET', target: '/a?b=c' });
    expect(seen!.header('x-custom')).toBe('1');
    expect(seen!.header('x-forwarded-for')).toBe('127.0.0.1');
    await proxy.settled();
  });
});
