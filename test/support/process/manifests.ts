/** A pool with one listener and one endpoint on loopback, as YAML. `more` is further fields of its spec. */
export function poolManifest(
  name: string,
  protocol: 'HTTP' | 'HTTPS' | 'TCP',
  ports: { readonly listen: number; readonly backend: number },
  { listener = '', more = '' }: { readonly listener?: string; readonly more?: string } = {},
): string {
  return `---
apiVersion: evenkeel.dev/v1alpha1
kind: LoadBalancerPool
metadata: {name: ${name}}
spec:
  listeners: [{name: in, protocol: ${protocol}, port: ${ports.listen}${listener === '' ? '' : `, ${listener}`}}]
  backends: [{name: v1, type: Static, static: {endpoints: [{address: 127.0.0.1, port: ${ports.backend}}]}}]
  defaultBackendRefs: [{name: v1}]
  ${more}
`;
}
