import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { encodeToProxy } from './control.ts';
import { ToProxySchema, type PoolUpdate } from './control_pb.ts';
import { runLength } from './runs.ts';
import { addressOfKey, compareEndpoints, endpointKey } from './endpoints.ts';
import type { Endpoint, PoolConfig, PoolSnapshot } from './snapshot.ts';

/** For each kind that the controller watches, the resource version of the newest change it had seen. */
export type Newest = Readonly<Record<string, string>>;

/** What changed in a pool's endpoints, by backend. */
export type EndpointsDelta = Readonly<
  Record<string, { readonly put: readonly Endpoint[]; readonly gone: readonly string[] }>
>;

export type ReadUpdate =
  | { readonly kind: 'snapshot'; readonly snapshot: PoolSnapshot }
  /** The delta is from something else than `current`: only all of it will do. */
  | { readonly kind: 'resync' }
  | { readonly kind: 'malformed'; readonly message: string };

const utf8 = new TextEncoder();
const text = new TextDecoder();

/**
 * A pool as one message of the control stream, for any number of proxies.
 * @param base what those proxies have; absent: they get all of it
 */
export function encodeUpdate(
  snapshot: PoolSnapshot,
  { epoch, newest, base }: { epoch: number; newest: Newest; base?: PoolSnapshot },
): Buffer {
  const { uid, namespace, name, createdAt, generation, digest } = snapshot;
  const configUnchanged = base !== undefined && sameValue(base.config, snapshot.config);
  return encodeToProxy({
    case: 'update',
    value: {
      epoch,
      uid,
      namespace,
      name,
      createdAt,
      generation,
      digest,
      baseDigest: base?.digest ?? '',
      config: configUnchanged ? new Uint8Array() : json(snapshot.config),
      endpoints: json(
        base === undefined ? snapshot.endpoints : diffEndpoints(base.endpoints, snapshot.endpoints),
      ),
      newest: { ...newest },
    },
  });
}

/**
 * Messages of one pool each as one message.
 * @param messages made by `encodeUpdate`
 */
export function joinUpdates(messages: readonly Buffer[]): Buffer {
  const [only] = messages;
  if (only !== undefined && messages.length === 1) return only;
  const content = Buffer.concat(messages);
  const writer = new BinaryWriter().tag(ToProxySchema.field.updates.number, WireType.LengthDelimited);
  return Buffer.from(writer.bytes(content).finish());
}

/** The snapshot that an update makes of what the proxy has. Unchanged parts keep their identity. */
export function readUpdate(update: PoolUpdate, current: PoolSnapshot | undefined): ReadUpdate {
  const { uid, namespace, name, createdAt, generation, digest, baseDigest } = update;
  const isDelta = baseDigest !== '';
  if (isDelta && current?.digest !== baseDigest) return { kind: 'resync' };
  try {
    const config =
      update.config.length === 0 && current !== undefined
        ? current.config
        : (parse(update.config) as PoolConfig);
    const sent = parse(update.endpoints);
    const endpoints =
      isDelta && current !== undefined
        ? applyDelta(config, current.endpoints, sent as EndpointsDelta)
        : (sent as PoolSnapshot['endpoints']);
    const snapshot = { namespace, name, uid, createdAt, generation, digest, config, endpoints };
    return { kind: 'snapshot', snapshot };
  } catch (error) {
    return { kind: 'malformed', message: error instanceof Error ? error.message : String(error) };
  }
}

export function diffEndpoints(
  base: PoolSnapshot['endpoints'],
  next: PoolSnapshot['endpoints'],
): EndpointsDelta {
  const changes: [string, EndpointsDelta[string]][] = [];
  for (const [backend, endpoints] of Object.entries(next)) {
    const before = Object.hasOwn(base, backend) ? base[backend]! : [];
    if (before === endpoints) continue;
    const change = diffList(before, endpoints);
    if (change.put.length > 0 || change.gone.length > 0) changes.push([backend, change]);
  }
  return Object.fromEntries(changes);
}

/** Both are in canonical order, and most members are the same objects: one walk over the two finds what differs. */
function diffList(before: readonly Endpoint[], after: readonly Endpoint[]): EndpointsDelta[string] {
  const put: Endpoint[] = [];
  const gone: string[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const same = runLength(before, i, after, j);
    i += same;
    j += same;
    const was = i < before.length ? before[i] : undefined;
    const is = j < after.length ? after[j] : undefined;
    if (was === undefined && is === undefined) break;
    const order = was === undefined ? 1 : is === undefined ? -1 : compareEndpoints(was, is);
    if (order < 0) gone.push(keyOf(was!));
    if (order > 0 || (order === 0 && !sameEndpoint(was!, is!))) put.push(is!);
    if (order <= 0) i += 1;
    if (order >= 0) j += 1;
  }
  return { put, gone };
}

function applyDelta(
  config: PoolConfig,
  base: PoolSnapshot['endpoints'],
  delta: EndpointsDelta,
): PoolSnapshot['endpoints'] {
  const entries = config.backends.map(({ name }): [string, readonly Endpoint[]] => {
    const before = Object.hasOwn(base, name) ? base[name]! : [];
    return [name, Object.hasOwn(delta, name) ? applyList(before, delta[name]!) : before];
  });
  return Object.fromEntries(entries);
}

/** In canonical order again, without sorting what is in order already. */
function applyList(before: readonly Endpoint[], { put, gone }: EndpointsDelta[string]): Endpoint[] {
  const left = new Set(gone);
  for (const endpoint of put) left.add(keyOf(endpoint));
  // Of thousands nearly all stay: their addresses say so at once.
  const addresses = new Set([...left].map((key) => addressOfKey(key)));
  const added = put.toSorted(compareEndpoints);
  const result: Endpoint[] = [];
  let next = 0;
  for (const endpoint of before) {
    if (addresses.has(endpoint.address) && left.has(keyOf(endpoint))) continue;
    while (next < added.length && compareEndpoints(added[next]!, endpoint) < 0) result.push(added[next++]!);
    result.push(endpoint);
  }
  return result.concat(added.slice(next));
}

/** Keys of endpoints that are met again and again. */
const keys = new WeakMap<Endpoint, string>();

function keyOf(endpoint: Endpoint): string {
  let key = keys.get(endpoint);
  if (key === undefined) {
    key = endpointKey(endpoint);
    keys.set(endpoint, key);
  }
  return key;
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a === b ||
    (a.condition === b.condition &&
      a.weight === b.weight &&
      a.override === b.override &&
      a.position === b.position &&
      a.zone === b.zone &&
      a.nodeName === b.nodeName &&
      a.podName === b.podName)
  );
}

function sameValue(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function json(value: unknown): Uint8Array {
  return utf8.encode(JSON.stringify(value));
}

function parse(bytes: Uint8Array): object {
  const value: unknown = JSON.parse(text.decode(bytes));
  if (typeof value !== 'object' || value === null) throw new Error('not a JSON object');
  return value;
}
