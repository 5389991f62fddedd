import { createServer, type Server } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';

export interface AdminRequest {
  readonly query: URLSearchParams;
  readonly body: string;
  /** The Accept field; empty when there is none. */
  readonly accept: string;
}

export interface AdminReply {
  readonly status?: number;
  /** A string is sent as it is with `contentType` (text/plain unless told), anything else as JSON. */
  readonly body: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `GET /healthz` → what it answers. */
export type AdminRoutes = Readonly<
  Record<string, (request: AdminRequest) => AdminReply | Promise<AdminReply>>
>;

export interface AdminServer {
  /** `127.0.0.1:9901`, with the port that was really taken. */
  readonly address: string;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 1_048_576;

/**
 * Serves a few read-mostly pages for operators and probes. It is no public interface: it listens where it is told
 * (loopback unless configured), and a browser page of another origin gets 403, also one whose name has come to mean
 * this machine (DNS rebinding).
 */
export async function serveAdmin(address: string, routes: AdminRoutes): Promise<AdminServer> {
  const { host, port } = parseAddress(address);
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const url = URL.parse(request.url ?? '/', 'http://admin');
    const send = ({ status = 200, body, contentType, headers }: AdminReply): void => {
      const text = typeof body === 'string' ? body : `${JSON.stringify(body, null, 2)}\n`;
      const type =
        contentType ?? (typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json');
      response.writeHead(status, {
        'content-type': type,
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        ...headers,
      });
      response.end(request.method === 'HEAD' ? '' : text);
    };
    // Whoever reaches a probe's port may send anything; nothing here may throw.
    if (url === null) {
      send({ status: 400, body: 'not a path\n' });
      return;
    }
    if (request.headers.origin !== undefined && request.headers.origin !== `http://${request.headers.host}`) {
      send({ status: 403, body: 'requests from other origins are refused\n' });
      return;
    }
    if (isLoopback(host) && !isLocalName(request.headers.host ?? '')) {
      send({ status: 403, body: 'ask for this by its address or as localhost\n' });
      return;
    }
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
    const route = Object.hasOwn(routes, `${method} ${url.pathname}`)
      ? routes[`${method} ${url.pathname}`]
      : undefined;
    if (route === undefined) {
      const known = Object.keys(routes).join('\n');
      send({ status: 404, body: `not found; there are:\n${known}\n` });
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) request.destroy();
      else chunks.push(chunk);
    });
    request.on('error', () => response.destroy());
    request.on('end', () => {
      Promise.resolve()
        .then(() =>
          route({
            query: url.searchParams,
            body: Buffer.concat(chunks).toString('utf8'),
            accept: request.headers.accept ?? '',
          }),
        )
        .then(send)
        .catch((error: unknown) => send({ status: 500, body: `${String(error)}\n` }));
    });
  });
  await listen(server, port, host).catch((error: unknown) => {
    throw new Error(`cannot serve the admin pages at ${address}: ${reasonOf(error)}`, { cause: error });
  });
  const bound = server.address() as AddressInfo;
  return {
    address: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface AdminAddresses {
  /** Everything; for operators on this machine. */
  readonly admin: string;
  /** Only `/healthz` and `/readyz`, for a kubelet or a router elsewhere. */
  readonly probes?: string | undefined;
  /** Only `/metrics`, for whoever scrapes. */
  readonly metrics?: string | undefined;
}

/** The admin pages on as many addresses as are wanted, each with no more than it needs; `address` is the first's. */
export async function serveAdminPages(
  { admin, probes, metrics }: AdminAddresses,
  routes: AdminRoutes,
): Promise<AdminServer> {
  const servers: AdminServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()));
  };
  try {
    servers.push(await serveAdmin(admin, routes));
    if (probes !== undefined) {
      servers.push(await serveAdmin(probes, only(routes, ['GET /healthz', 'GET /readyz'])));
    }
    if (metrics !== undefined) servers.push(await serveAdmin(metrics, only(routes, ['GET /metrics'])));
  } catch (error) {
    await close();
    throw error;
  }
  return { address: servers[0]!.address, close };
}

function only(routes: AdminRoutes, names: readonly string[]): AdminRoutes {
  return Object.fromEntries(Object.entries(routes).filter(([name]) => names.includes(name)));
}

/** `127.0.0.1:9901`, `[::1]:9901` or `:9901` (every address). */
export function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new Error(`not an address of the form HOST:PORT: ${address}`);
  return { host: match[1] ?? (match[2] === '' ? everyAddress() : (match[2] ?? '')), port };
}

/** Does a server at this host answer only this machine? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** A Host field as somebody on this machine writes it; a browser that was led here by a name of another's has that. */
function isLocalName(hostField: string): boolean {
  const host = hostField.replace(/:\d*$/, '').replace(/^\[|\]$/g, '');
  return host === '' || host === 'localhost' || isIP(host) !== 0;
}

/** Both families, or IPv4 alone where the kernel has no other. */
function everyAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0';
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return 'something else listens there';
    case 'EACCES':
      return 'this user may not open that port';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address';
    default:
      return message;
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
