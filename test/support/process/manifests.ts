/**
 * A pool with one listener and one endpoint on loopback, as YAML. `more` is further fields of its spec, `listener` of
 * its listener, `backend` of its static backend.
 */
export function poolManifest(
  name: string,
  protocol: 'HTTP' | 'HTTPS' | 'TCP',
  ports: { readonly listen: number; readonly backend: number },
  {
    listener = '',
    backend = '',
    more = '',
  }: { readonly listener?: string; readonly backend?: string; readonly more?: string } = {},
): string {
  return `---
apiVersion: evenkeel.dev/v1alpha1
kind: LoadBalancerPool
metadata: {name: ${name}}
spec:
  listeners: [{name: in, protocol: ${protocol}, port: ${ports.listen}${listener === '' ? '' : `, ${listener}`}}]
  backends: [{name: v1, type: Static, static: {${backend === '' ? '' : `${backend}, `}endpoints: [{address: 127.0.0.1, port: ${ports.backend}}]}}]
  defaultBackendRefs: [{name: v1}]
  ${more}
`;
}
