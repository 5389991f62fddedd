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

/** What every reason in a pool's status means, for the documentation. */

export const VERDICT_MEANINGS: Readonly<Record<VerdictReason, string>> = {
  Ready: 'Its resource says that it is ready, and nothing speaks against it.',
  NotReady: 'Its EndpointSlice says that it is not ready: look at the pod’s readiness probe.',
  Terminating: 'Its pod is ending; it keeps what it has.',
  Drain: 'A person drained it: `spec.endpointOverrides`, or `evenkeel drain`.',
  Exclude: 'A person took it out: `spec.endpointOverrides`.',
  FirstCheckPending:
    'It has not passed a check yet, and `initialState: Unhealthy` (the default) wants one first.',
  CheckPassed: 'It has passed `healthyThreshold` checks.',
  ConnectRefused: 'Nothing listens on its port.',
  ConnectTimeout: 'No answer to a new connection in time.',
  ConnectFailed: 'It cannot be reached: no route, or a network policy in between.',
  Timeout: 'A check had no whole answer within `timeout`.',
  UnexpectedStatus:
    'A check was answered with a status that `expectedStatuses` does not have; the message has both.',
  UnexpectedBody: 'The answer to a check lacks `expectedBody`.',
  UnexpectedReply: 'A TCP, UDP or gRPC check had another answer than the one wanted.',
  ProtocolError: 'The answer to a check is not valid in its protocol: is the port the right one?',
  TLSFailed:
    'The TLS handshake with it failed: its certificate is not the one wanted, or it does not speak TLS; the message has the code.',
  ConsecutiveFailures: 'That many requests or connections in a row failed (`passive.consecutiveFailures`).',
  EjectionOver: 'The time of its ejection is over; it takes traffic again.',
};

const accepted: Record<AcceptedReason, string> = {
  Accepted: 'The spec can be served.',
  Invalid: 'A field has a value that the schema, its rules or resolution refuse; the message has its path.',
  PortConflict: 'An older pool has the port, in a way that cannot be shared.',
  HostnameConflict: 'The host name belongs to another namespace on that port.',
  ListenerConflict: 'An older pool’s listener on the same port has other settings that have to agree.',
  PortNotAllowed: 'The class does not give the port to the pool’s namespace.',
  HostnameNotAllowed: 'The class does not give the host name to the pool’s namespace.',
};

const resolvedRefs: Record<ResolvedRefsReason, string> = {
  ResolvedRefs: 'Everything that the spec names was found.',
  ServiceNotFound: 'There is no Service of that name in the pool’s namespace.',
  PortNotFound: 'The Service has no such port.',
  AmbiguousPort: 'The number means several ports of the Service that lead to different places: use the name.',
  ProtocolMismatch: 'A UDP listener leads to a TCP port, or the reverse.',
  UnsupportedServiceType: 'The Service is of type ExternalName.',
  UnsupportedAppProtocol:
    'The Service’s appProtocol promises TLS (`https`, `kubernetes.io/wss`), and the backend has no `tls`.',
  InvalidEndpoint: 'An EndpointSlice has endpoints that are no IP addresses, or no port.',
  AddressDenied: 'An address that pools may not reach (`--denied-cidrs`).',
  SecretNotFound: 'There is no Secret of that name.',
  SecretAccessDenied:
    'The controller may not read the Secrets of this namespace; the message has the command that grants it.',
  SecretUnreadable:
    'The API server fails to show the Secrets of this namespace. Proxies go on with what they have of them.',
  InvalidCertificate:
    'A Secret or ConfigMap has no certificate, key or CA that can be used, or one whose time is over. What was good before goes on.',
  ConfigMapNotFound: 'There is no ConfigMap of that name.',
  ConfigMapAccessDenied:
    'The controller may not read the ConfigMaps of this namespace; the message has the command that grants it.',
  ConfigMapUnreadable:
    'The API server fails to show the ConfigMaps of this namespace. Proxies go on with what they have of them.',
};

const programmed: Record<ProgrammedReason, string> = {
  Programmed: 'Every expected proxy has applied this very content.',
  Pending: 'It was sent, and not every proxy has answered.',
  NoProxies: 'There is no proxy.',
  ProxyStale: 'A proxy is away or behind; the message names it.',
  Rejected: 'A proxy refused it; the message has its text, and the last good configuration serves.',
  NotAccepted: 'The spec is not accepted; what was served before goes on.',
  Paused: '`paused: true` holds the spec back.',
};

const available: Record<AvailableReason, string> = {
  Available: 'Every backend in use has an endpoint that takes traffic.',
  NoEndpoints: 'A backend in use has no endpoints.',
  NoneHealthy: 'No endpoint of a backend in use is healthy.',
  FailedOpen: 'No endpoint is healthy, and `failOpen` sends to them all the same.',
  HealthUnknown: 'No proxy has reported on health yet.',
};

const redundant: Record<RedundantReason, string> = {
  Redundant: 'More than one proxy serves the pool.',
  SingleProxy: 'One proxy serves the pool: nobody takes over when it goes.',
  NoProxies: 'There is no proxy.',
};

const degraded: Record<DegradedReason, string> = {
  AsExpected: 'Nothing needs attention.',
  ProxiesDisagree: 'Proxies see the same endpoint differently: look at the network between.',
  EndpointsUnhealthy: 'Endpoints are unhealthy; traffic goes to the others.',
  FailedOver: 'A lower priority serves, as too few endpoints of the preferred one are healthy.',
  RouteShadowed: 'Another route goes first for some of what a route asks for, with the same conditions.',
  UnusedBackend: 'No route and no default leads to a backend.',
  InvalidWeight: 'A pod’s weight annotation is no whole number from 0 to 1,000,000.',
  CertificateExpiring: 'A certificate in use ends within three weeks: renew it.',
};

export const CONDITION_MEANINGS: Readonly<Record<ConditionType, Readonly<Record<string, string>>>> = {
  Accepted: accepted,
  ResolvedRefs: resolvedRefs,
  Programmed: programmed,
  Available: available,
  Redundant: redundant,
  Degraded: degraded,
};
