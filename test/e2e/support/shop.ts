import { TAG } from './installation.ts';

/** A backend that leaves as an application should: not ready at SIGTERM, then it serves on for a while. */
const SERVER = `
import { createServer } from 'node:http';
import { hostname } from 'node:os';
let leaving = false;
let ready = true;
let broken = false;
/** What a test tells this pod to become. */
const orders = {
  '/unready': () => (ready = false),
  '/ready': () => (ready = true),
  '/broken': () => (broken = true),
  '/mended': () => (broken = false),
};
const server = createServer((request, response) => {
  orders[request.url]?.();
  if (request.url === '/readiness') response.statusCode = ready ? 200 : 503;
  else if (broken && request.url === '/') response.statusCode = 500;
  if (leaving) response.setHeader('connection', 'close');
  response.setHeader('x-proxy', request.socket.remoteAddress.replace('::ffff:', ''));
  response.end(hostname());
});
server.keepAliveTimeout = 60_000;
server.listen(8080);
process.on('SIGTERM', () => {
  leaving = true;
  setTimeout(() => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  }, Number(process.env.LINGER_MS));
});
`;

/** Three pods, their Service, and a pool in front of them. Node comes from the proxy's image. */
export function shop(options: {
  readonly port: number;
  readonly className?: string;
  readonly lingerMs?: number;
  /** More of the pool's spec, indented as it is there. */
  readonly pool?: string;
}): string {
  const { port, className = 'default', lingerMs = 1_000, pool = '' } = options;
  const indented = SERVER.trim().replaceAll('\n', '\n    ');
  return `
apiVersion: v1
kind: ConfigMap
metadata: {name: shop}
data:
  server.mjs: |
    ${indented}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 3
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 10
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - {weight: 100, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: shop}}}}
      containers:
      - name: shop
        image: evenkeel/proxy:${TAG}
        imagePullPolicy: IfNotPresent
        command: [/usr/local/bin/node, /srv/server.mjs]
        env: [{name: LINGER_MS, value: '${lingerMs}'}]
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /readiness, port: http}, periodSeconds: 1}
        volumeMounts: [{name: server, mountPath: /srv}]
      volumes: [{name: server, configMap: {name: shop}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop}
spec: {minAvailable: 2, selector: {matchLabels: {app: shop}}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: evenkeel.dev/v1alpha1
kind: LoadBalancerPool
metadata: {name: shop}
spec:
  className: ${className}
  listeners: [{name: web, protocol: HTTP, port: ${port}}]
  backends: [{name: shop, type: Service, service: {name: shop, port: http}}]
  defaultBackendRefs: [{name: shop}]${pool}
`;
}
