import type {
  AcceptedReason,
  AvailableReason,
  ConditionType,
  DegradedReason,
  ProgrammedReason,
  RedundantReason,
  ResolvedRefsReason,
} from './conditions.ts';
import type { VerdictReason } from './health.ts';

/** What to do about every reason that asks for it, for the documentation. */

type Remedies<Reason extends string, Good extends Reason> = Readonly<Record<Exclude<Reason, Good>, string>>;

export const VERDICT_REMEDIES: Remedies<VerdictReason, 'Ready' | 'CheckPassed' | 'EjectionOver'> = {
  NotReady: '`kubectl describe pod`: its readiness probe.',
  Terminating: 'Nothing: it goes when its pod does.',
  Drain: '`evenkeel drain … --undo`, or remove the override, when it may serve again.',
  Exclude: 'Remove the override when it may serve again.',
  FirstCheckPending:
    'Wait for a check. When it never passes, another reason follows; `initialState: Healthy` serves before the first one.',
  ConnectRefused:
    'Does the process run, and listen on that port and on more than loopback? Is the Service’s targetPort right?',
  ConnectTimeout: 'A packet is dropped on the way: network policy, firewall, a node that is gone.',
  ConnectFailed: 'A network policy or a route between proxies and pods; the message has the system’s error.',
  Timeout: 'Ask it by hand from a proxy’s pod; when it is slow but well, raise `healthCheck.active.timeout`.',
  UnexpectedStatus:
    'Ask `http.path` by hand: is it what says that the service is well? Else change the path or `expectedStatuses`.',
  UnexpectedBody: 'Ask `http.path` by hand and compare with `expectedBody`.',
  UnexpectedReply:
    'Compare with `tcp.expect`, `udp.expect`, or what the gRPC health service says of `grpc.service`.',
  ProtocolError:
    'Compare the port and the check’s `type` with what listens there; TLS wants `backends[].tls`.',
  TLSFailed:
    '`openssl s_client -connect ADDRESS:PORT -servername NAME -verify_return_error -CAfile ca.crt` from a proxy’s pod says what is wrong with it.',
  ConsecutiveFailures:
    'The message has the last failure; its own log has the cause. It is tried again when `baseEjection` is over, later each time.',
};

const accepted: Remedies<AcceptedReason, 'Accepted'> = {
  Invalid: 'Mend the field that the message names; `evenkeel validate -f FILE` says the same offline.',
  PortConflict: 'Use another port, or remove the older pool that the message names.',
  HostnameConflict: 'Use another host name, or another port; the message names the namespace.',
  ListenerConflict:
    'Make `protocol`, `proxyProtocol`, `clientIP` and `limits`, and for one host name `tls`, as the older pool’s listener has them.',
  PortNotAllowed:
    'Ask the platform team: `classRules` in the chart’s values say which namespace may use which port.',
  HostnameNotAllowed:
    'Ask the platform team: `classRules` in the chart’s values say which namespace may use which host name.',
};

const resolvedRefs: Remedies<ResolvedRefsReason, 'ResolvedRefs'> = {
  ServiceNotFound: 'Create it, or mend `backends[].service.name`. References stay in the pool’s namespace.',
  PortNotFound: '`kubectl get service NAME -o yaml`: use one of its port names.',
  AmbiguousPort: 'Use the port’s name instead of its number.',
  ProtocolMismatch: 'Point the backend to a port of the listener’s protocol.',
  UnsupportedServiceType: 'Use a Service with a selector, or a Static backend with addresses.',
  UnsupportedAppProtocol: 'Add `tls` to the backend, or another appProtocol to the Service’s port.',
  InvalidEndpoint:
    '`kubectl get endpointslices -l kubernetes.io/service-name=NAME -o yaml`: somebody wrote it by hand.',
  AddressDenied: 'Use another address; whoever runs the controller can change `--denied-cidrs`.',
  SecretNotFound: 'Create it in the pool’s namespace.',
  SecretAccessDenied:
    'Run the command in the message, or add the namespace to the chart’s `secretNamespaces`.',
  SecretUnreadable:
    '`kubectl get secrets` in that namespace says why, and the log of the controller does: most often its encryption at rest has lost a key.',
  InvalidCertificate:
    'Write a Secret of type kubernetes.io/tls with a key that belongs to its certificate; the message says what is wrong.',
  ConfigMapNotFound: 'Create it in the pool’s namespace.',
  ConfigMapAccessDenied:
    'Run the command in the message, or add the namespace to the chart’s `secretNamespaces`.',
  ConfigMapUnreadable:
    '`kubectl get configmaps` in that namespace says why, and the log of the controller does.',
};

const programmed: Remedies<ProgrammedReason, 'Programmed'> = {
  Pending: 'Wait a moment; a proxy that takes longer becomes ProxyStale.',
  NoProxies:
    '`kubectl get pods` of the proxies, then the log of one: it says why it does not reach a controller.',
  ProxyStale: 'The log of the proxy in the message.',
  Rejected: 'The message has the proxy’s reason, most often a port that something else on its node has.',
  NotAccepted: 'See Accepted.',
  Paused: 'Set `paused: false` when the spec may take effect.',
};

const available: Remedies<AvailableReason, 'Available'> = {
  NoEndpoints: '`kubectl get endpointslices`: does the Service’s selector match pods, and do they run?',
  NoneHealthy:
    '`evenkeel describe` has the reason of each endpoint: see [reasons of endpoints](#reasons-of-endpoints).',
  FailedOpen:
    'Requests still go out, to endpoints that checks call unhealthy: is the check right? `healthCheck.failOpen` decides.',
  HealthUnknown: 'Wait for the first reports; without proxies see Programmed.',
};

const redundant: Remedies<RedundantReason, 'Redundant'> = {
  SingleProxy: 'Run more proxies (`proxy.replicas`), on more than one node.',
  NoProxies: 'See Programmed.',
};

const degraded: Remedies<DegradedReason, 'AsExpected'> = {
  ProxiesDisagree:
    'Compare `seenBy` in `status.endpoints`; then the network between the proxies that see trouble and the endpoint.',
  EndpointsUnhealthy: '`evenkeel describe` has the reason of each.',
  FailedOver:
    'Mend the endpoints of the preferred priority; traffic goes back after `failover.failbackDelay`.',
  RouteShadowed: '`evenkeel explain --url …` shows which route wins. Make the matches differ, or remove one.',
  UnusedBackend: 'Name the backend in a route, or remove it.',
  InvalidWeight:
    'Mend the annotation `evenkeel.dev/weight` of the pod in the message; it counts as 1 until then.',
  CertificateExpiring: 'Renew the Secret that the message names.',
};

export const CONDITION_REMEDIES: Readonly<Record<ConditionType, Readonly<Record<string, string>>>> = {
  Accepted: accepted,
  ResolvedRefs: resolvedRefs,
  Programmed: programmed,
  Available: available,
  Redundant: redundant,
  Degraded: degraded,
};
