/**
 * The conditions of a pool and their reasons: what `kubectl get lbp -o yaml` shows and what scripts may match on.
 * A reason keeps its meaning once released.
 */

export const CONDITION_TYPES = [
  'Accepted',
  'ResolvedRefs',
  'Programmed',
  'Available',
  'Redundant',
  'Degraded',
] as const;

export type ConditionType = (typeof CONDITION_TYPES)[number];

/** Whether the spec can be served. False: the last accepted spec goes on, or what is left of this one. */
export type AcceptedReason =
  | 'Accepted'
  /** A field has a value that the schema, its rules or resolution refuse. */
  | 'Invalid'
  /** An older pool has the port, in a way that cannot be shared. */
  | 'PortConflict'
  /** The host name belongs to another namespace on that port. */
  | 'HostnameConflict'
  /** An older pool's listener on the same port has other settings that have to agree. */
  | 'ListenerConflict'
  /** The class does not give the port to the pool's namespace. */
  | 'PortNotAllowed'
  /** The class does not give the host name to the pool's namespace. */
  | 'HostnameNotAllowed';

/** Whether everything that the spec names was found and may be used. False: the rest is served. */
export type ResolvedRefsReason =
  | 'ResolvedRefs'
  | 'ServiceNotFound'
  /** The Service has no such port. */
  | 'PortNotFound'
  /** The number means several ports of the Service that lead to different places. */
  | 'AmbiguousPort'
  /** A UDP listener leads to a TCP port, or the reverse. */
  | 'ProtocolMismatch'
  /** The Service is of type ExternalName. */
  | 'UnsupportedServiceType'
  /** The Service's appProtocol promises TLS, and the backend does not say how to speak it. */
  | 'UnsupportedAppProtocol'
  /** An EndpointSlice has endpoints that are no IP addresses, or no port. */
  | 'InvalidEndpoint'
  /** An address that pools may not reach. */
  | 'AddressDenied'
  | 'SecretNotFound'
  /** The controller may not read the Secrets of the pool's namespace; the message says how to grant it. */
  | 'SecretAccessDenied'
  /** The API server fails to show the namespace's Secrets to a controller that has just started. */
  | 'SecretUnreadable'
  /** A certificate, key or CA bundle that cannot be used, or is out of its time. */
  | 'InvalidCertificate'
  | 'ConfigMapNotFound'
  /** As `SecretAccessDenied`, for ConfigMaps. */
  | 'ConfigMapAccessDenied'
  /** As `SecretUnreadable`, for ConfigMaps. */
  | 'ConfigMapUnreadable';

/** Whether every expected proxy has applied this very content. */
export type ProgrammedReason =
  | 'Programmed'
  /** Sent, not all have answered. */
  | 'Pending'
  | 'NoProxies'
  | 'ProxyStale'
  | 'Rejected'
  | 'NotAccepted'
  | 'Paused';

/** Whether every backend in use has an endpoint that takes traffic. */
export type AvailableReason = 'Available' | 'NoEndpoints' | 'NoneHealthy' | 'FailedOpen' | 'HealthUnknown';

/** Whether the pool would survive the loss of a proxy. */
export type RedundantReason = 'Redundant' | 'SingleProxy' | 'NoProxies';

/** Whether something needs attention while traffic goes on. */
export type DegradedReason =
  | 'AsExpected'
  | 'ProxiesDisagree'
  | 'EndpointsUnhealthy'
  | 'FailedOver'
  /** Another route goes first for some of what a route asks for, with the same conditions. */
  | 'RouteShadowed'
  /** A backend that no route and no default leads to. */
  | 'UnusedBackend'
  /** A pod's weight annotation is no whole number from 0 to 1,000,000. */
  | 'InvalidWeight'
  /** A certificate in use ends within three weeks. */
  | 'CertificateExpiring';

export type ConditionReason =
  | AcceptedReason
  | ResolvedRefsReason
  | ProgrammedReason
  | AvailableReason
  | RedundantReason
  | DegradedReason;

/** The annotation on a pod that `endpointWeight: {from: Annotation}` reads. */
export const WEIGHT_ANNOTATION = 'evenkeel.dev/weight';
