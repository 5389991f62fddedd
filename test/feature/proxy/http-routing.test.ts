import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Filter, Route } from '../../../api/snapshot.ts';
import { backendRef, endpoint, listener, route, routeMatch } from '../../support/builders.ts';
import { ok, ScriptedBackend } from '../../support/http/backend.ts';
import { HttpProxy } from '../../support/http/proxy.ts';

/** Backends `v1`, `v2` and `v3`, each of which answers its name. */
describe('a route', () => {
  let backends: ScriptedBackend[];
  let proxy: HttpProxy;

  beforeEach(async () => {
    backends = await Promise.all(['v1', 'v2', 'v3'].map((name) => ScriptedBackend.start({ name })));
  });
  afterEach(async () => {
    await proxy.close();
    for (const backend of backends) await backend.close();
  });

  const options = (
    routes: readonly Partial<Route>[],
    config: Parameters<typeof HttpProxy.start>[0]['config'] = {},
  ) => ({
    endpoints: Object.fromEntries(backends.map(({ port }, i) => [`v${i + 1}`, [endpoint({ port })]])),
    config: { routes: routes.map((over, i) => route({ name: `r${i}`, ...over })), ...config },
  });
  const serve = async (...input: Parameters<typeof options>) => {
    proxy = await HttpProxy.start(options(...input));
  };
  const to = (name: string) => [backendRef({ name })];
  const bodyOf = async (path: string, headers = '') => (await proxy.get(path, headers)).body;
  const seen = (backend = 1) => backends[backend - 1]!.requests.at(-1)!;

  it('is found by path, method, header, cookie, query and client', async () => {
    const path = (value: string) => ({ path: { type: 'PathPrefix', value } as const });
    await serve([
      { matches: [routeMatch({ ...path('/m'), methods: ['DELETE'] })], backendRefs: to('v2') },
      {
        matches: [routeMatch({ ...path('/h'), headers: [{ name: 'x-tier', type: 'Exact', value: 'gold' }] })],
        backendRefs: to('v2'),
      },
      {
        matches: [
          routeMatch({
            ...path('/c'),
            cookies: [{ name: 'beta', type: 'RegularExpression', value: '[12]' }],
          }),
        ],
        backendRefs: to('v2'),
      },
      {
        matches: [routeMatch({ ...path('/q'), queryParams: [{ name: 'a b', type: 'Exact', value: 'ü' }] })],
        backendRefs: to('v2'),
      },
      { matches: [routeMatch({ ...path('/s'), sourceCIDRs: ['127.0.0.0/8'] })], backendRefs: to('v2') },
      { matches: [routeMatch({ ...path('/s'), sourceCIDRs: ['127.0.0.1/32'] })], backendRefs: to('v3') },
      {
        matches: [routeMatch({ ...path('/n'), headers: [{ name: 'x-tier', type: 'Absent' }] })],
        backendRefs: to('v2'),
      },
    ]);
    expect((await proxy.request('DELETE /m HTTP/1.1\r\nHost: h\r\n\r\n')).body).toBe('v2');
    expect(await bodyOf('/m')).toBe('v1');
    expect(await bodyOf('/h', 'X-Tier: gold\r\n')).toBe('v2');
    expect(await bodyOf('/h', 'X-Tier: gold\r\nX-Tier: gold\r\n')).toBe('v1');
    expect(await bodyOf('/c', 'Cookie: a=1; beta=2\r\n')).toBe('v2');
    expect(await bodyOf('/c', 'Cookie: a=1\r\nCookie: beta=2\r\n')).toBe('v2');
    expect(await bodyOf('/c', 'Cookie: beta=22\r\n')).toBe('v1');
    expect(await bodyOf('/q?x&a+b=%C3%BC')).toBe('v2');
    expect(await bodyOf('/q?a+b=%25C3%25BC')).toBe('v1');
    expect(await bodyOf('/s')).toBe('v3');
    expect(await bodyOf('/n')).toBe('v2');
    expect(await bodyOf('/n', 'X-Tier: \r\n')).toBe('v1');
  });

  // B07: one form of the path, for what is matched and what is forwarded
  it.each([
    ['/a/../admin', '/admin'],
    ['/a/%2e%2e/admin', '/admin'],
    ['/a//../admin', '/admin'],
    ['/%61dmin', '/admin'],
    ['/a/./../admin/x', '/admin/x'],
  ])('cannot be walked around: %s', async (path, forwarded) => {
    await serve([
      { matches: [routeMatch({ path: { type: 'PathPrefix', value: '/admin' } })], backendRefs: to('v2') },
    ]);
    expect(await bodyOf(path)).toBe('v2');
    expect(seen(2).target).toBe(forwarded);
  });

  it('answers 404 when there is none, and says so', async () => {
    await serve([{ matches: [routeMatch({ methods: ['PUT'] })] }], { defaultBackendRefs: [] });
    const response = await proxy.get('/');
    expect(response.status).toBe(404);
    expect(response.body).toContain('NO_ROUTE');
    expect(backends[0]!.requests).toEqual([]);
  });

  it('splits its requests by weight', async () => {
    await serve([
      {
        backendRefs: [
          backendRef({ name: 'v1', weight: 6 }),
          backendRef({ name: 'v2', weight: 3 }),
          backendRef({ name: 'v3', weight: 1 }),
        ],
      },
    ]);
    const client = await proxy.connect();
    client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(600));
    for (let i = 0; i < 600; i++) await client.response();
    const counts = backends.map(({ requests }) => requests.length);
    for (const [i, share] of [360, 180, 60].entries()) {
      expect(counts[i]).toBeGreaterThan(share - 45);
      expect(counts[i]).toBeLessThan(share + 45);
    }
  });

  it('gives a backend of weight 0 nothing', async () => {
    await serve([
      { backendRefs: [backendRef({ name: 'v1', weight: 0 }), backendRef({ name: 'v2', weight: 1 })] },
    ]);
    for (let i = 0; i < 20; i++) expect(await bodyOf('/')).toBe('v2');
  });

  it('lets in whom listener and route allow', async () => {
    const none = { allowCIDRs: [], denyCIDRs: [] };
    const denied = { allowCIDRs: [], denyCIDRs: ['127.0.0.1/32'] };
    const elsewhere = { allowCIDRs: ['10.0.0.0/8'], denyCIDRs: [] };
    const matches = [routeMatch({ path: { type: 'PathPrefix', value: '/x' } })];
    await serve([{ matches, accessRules: elsewhere }]);
    expect((await proxy.get('/x')).status).toBe(403);
    expect((await proxy.get('/')).status).toBe(200);
    proxy.update(
      options([{ matches, accessRules: none }], { listeners: [listener({ accessRules: denied })] }),
    );
    expect((await proxy.get('/x')).status).toBe(403);
    expect((await proxy.get('/')).status).toBe(403);
    expect(backends.flatMap(({ requests }) => requests)).toHaveLength(1);
  });

  describe('with filters', () => {
    const filtered = (...filters: Filter[]) =>
      serve([{ matches: [routeMatch({ path: { type: 'PathPrefix', value: '/old' } })], filters }]);

    it('changes request headers', async () => {
      await filtered({
        type: 'RequestHeaderModifier',
        set: [{ name: 'x-set', value: 'ours' }],
        add: [{ name: 'x-add', value: 'ours' }],
        remove: ['x-remove'],
      });
      await proxy.get('/old', 'X-Set: a\r\nx-SET: b\r\nX-Add: theirs\r\nX-Remove: a\r\nX-Keep: k\r\n');
      expect(seen().header('x-set')).toBe('ours');
      expect(seen().header('x-add')).toBe('theirs, ours');
      expect(seen().header('x-remove')).toBeUndefined();
      expect(seen().header('x-keep')).toBe('k');
    });

    it('changes response headers', async () => {
      backends[0]!.script = ({ socket }) =>
        socket.write(ok('body', 'Server: secret\r\nX-Set: theirs\r\nX-Keep: k\r\n'));
      await filtered({
        type: 'ResponseHeaderModifier',
        set: [{ name: 'x-set', value: 'ours' }],
        add: [{ name: 'x-add', value: '1' }],
        remove: ['server'],
      });
      const response = await proxy.get('/old');
      expect(response.body).toBe('body');
      expect(response.header('server')).toBeUndefined();
      expect(response.header('x-set')).toBe('ours');
      expect(response.header('x-add')).toBe('1');
      expect(response.header('x-keep')).toBe('k');
    });

    it('rewrites host and path, and keeps the query', async () => {
      await filtered({
        type: 'URLRewrite',
        hostname: 'new.test',
        path: { type: 'ReplacePrefixMatch', value: '/new/' },
      });
      await proxy.get('/old/x/?a=b');
      expect(seen().target).toBe('/new/x/?a=b');
      expect(seen().header('host')).toBe('new.test');
      expect(seen().header('x-forwarded-host')).toBe('example.com');
    });

    it('replaces the full path', async () => {
      await filtered({ type: 'URLRewrite', path: { type: 'ReplaceFullPath', value: '/only' } });
      await proxy.get('/old/x?a=b');
      expect(seen().target).toBe('/only?a=b');
      expect(seen().header('host')).toBe('example.com');
    });

    it('redirects without asking a backend', async () => {
      await filtered({
        type: 'RequestRedirect',
        scheme: 'https',
        hostname: 'new.test',
        path: { type: 'ReplacePrefixMatch', value: '/new' },
        statusCode: 308,
      });
      const client = await proxy.connect();
      const post = 'POST /old/x?a=b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\nabc';
      for (let i = 0; i < 2; i++) {
        const response = await client.request(post);
        expect(response.status).toBe(308);
        expect(response.header('location')).toBe('https://new.test/new/x?a=b');
      }
      expect(backends.flatMap(({ requests }) => requests)).toEqual([]);
      client.close();
      await proxy.settled();
    });
  });
});
