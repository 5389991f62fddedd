import type { DeniedAddresses } from '../controller/resolve/denied-addresses.ts';
import { listedWorld } from '../controller/resolve/listed-world.ts';
import type { ConfigMap, EndpointSlice, Secret, Service, World } from '../controller/resolve/world.ts';
import type { Manifest } from './manifests.ts';

const SERVICE_LABEL = 'kubernetes.io/service-name';

/** The objects of the files as the cluster they would be applied to. */
export function worldOf(
  objects: Iterable<Manifest>,
  options: { readonly denied: DeniedAddresses; readonly now: number; readonly ticketSecret?: string },
): World {
  const services: Service[] = [];
  const slices: [string, EndpointSlice][] = [];
  const secrets = new Map<string, Secret>();
  const configMaps = new Map<string, ConfigMap>();
  for (const manifest of objects) {
    const key = `${manifest.namespace}/${manifest.name}`;
    if (manifest.kind === 'Service') services.push(located(manifest) as Service);
    if (manifest.kind === 'Secret') secrets.set(key, secretOf(manifest));
    if (manifest.kind === 'ConfigMap') configMaps.set(key, configMapOf(manifest));
    if (manifest.kind === 'EndpointSlice') {
      const labels = (manifest.object['metadata'] as { labels?: Record<string, unknown> }).labels ?? {};
      slices.push([String(labels[SERVICE_LABEL]), located(manifest) as EndpointSlice]);
    }
  }
  return listedWorld({
    services,
    slices,
    secret: (namespace, name) => secrets.get(`${namespace}/${name}`),
    configMap: (namespace, name) => configMaps.get(`${namespace}/${name}`),
    ...options,
  });
}

function configMapOf(manifest: Manifest): ConfigMap {
  const { data = {}, ...rest } = located(manifest) as Omit<ConfigMap, 'data'> & Partial<ConfigMap>;
  return { ...rest, data };
}

const secretsOf = new WeakMap<Manifest, Secret>();

/** As the API server keeps it: `stringData` is part of `data`. The same object for as long as its manifest lives. */
function secretOf(manifest: Manifest): Secret {
  let secret = secretsOf.get(manifest);
  if (secret === undefined) {
    const {
      data = {},
      stringData = {},
      ...rest
    } = located(manifest) as Omit<Secret, 'data'> &
      Partial<Record<'data' | 'stringData', Readonly<Record<string, string>>>>;
    const plain = Object.entries(stringData).map(([name, text]) => [
      name,
      Buffer.from(text).toString('base64'),
    ]);
    secret = { ...rest, data: { ...data, ...Object.fromEntries(plain) } };
    secretsOf.set(manifest, secret);
  }
  return secret;
}

/** As the API server would return it: with its namespace. */
function located({ object, namespace }: Manifest): unknown {
  const metadata = { ...(object['metadata'] as object), namespace };
  return { ...object, metadata };
}
