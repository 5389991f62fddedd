import { createAuthority, issueServer, type KeyPair } from '../controller/trust/authority.ts';

/** What the examples with TLS need: made anew each time, so that no key is in the repository. */
export interface DemoCertificates {
  /** Secret `shop-tls` and ConfigMap `backend-ca`, as YAML. */
  readonly manifests: string;
  /** For the demo servers: `backend.example.com`. */
  readonly server: KeyPair;
}

/** Long enough that nobody is told that they end. */
const LIFE_MS = 90 * 86_400_000;

export async function createDemoCertificates(now: number): Promise<DemoCertificates> {
  const authority = await createAuthority(now);
  const [shop, server] = await Promise.all([
    issueServer(authority, 'shop.example.com', now, LIFE_MS),
    issueServer(authority, 'backend.example.com', now, LIFE_MS),
  ]);
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'shop-tls' },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': shop.certificate, 'tls.key': shop.privateKey },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'backend-ca' },
      data: { 'ca.crt': authority.certificate },
    },
  ];
  return { manifests: objects.map((object) => `---\n${JSON.stringify(object)}\n`).join(''), server };
}
