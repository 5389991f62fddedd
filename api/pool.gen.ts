// Generated from crds/loadbalancerpools.yaml by `make generate`; edit that file instead.

/**
 * The two halves of the resource.
 */
export interface PoolTypes {
  spec: PoolSpec;
  status: PoolStatus;
}
/**
 * What the pool should be: its ports, its backends, its routes, and how endpoints are chosen and watched.
 */
export interface PoolSpec {
  /**
   * Which installation of Evenkeel serves the pool. Cannot be changed.
   */
  className: string;
  /**
   * The ports that the proxies open for this pool.
   */
  listeners: ListenerSpec[];
  /**
   * Where endpoints come from, and how to talk to them.
   */
  backends: BackendSpec[];
  /**
   * What goes where. HTTP requests take the most specific route, in the order that the Gateway API defines; connections and datagrams the one with the most specific sourceCIDRs.
   */
  routes?: RouteSpec[];
  /**
   * Where everything goes that no route takes. Absent: such an HTTP request is answered with 404.
   */
  defaultBackendRefs?: BackendRefSpec[];
  loadBalancing: LoadBalancingSpec;
  sessionAffinity: SessionAffinitySpec;
  healthCheck: HealthCheckSpec;
  resilience: ResilienceSpec;
  lifecycle: LifecycleSpec;
  /**
   * Send the PROXY protocol, in this version, at the start of each connection to a backend. Each HTTP request then has a connection of its own, and probes of the serving port begin with the header, too, and name nobody.
   */
  backendProxyProtocol?: 'V1' | 'V2';
  /**
   * Endpoints that a person has taken out. One whose pod is gone or whose time is past has no effect and is listed in status.staleOverrides.
   */
  endpointOverrides?: EndpointOverride[];
  /**
   * Hold back changes of the spec. Endpoints, health and certificates go on.
   */
  paused: boolean;
}
/**
 * One port that the proxies open.
 */
export interface ListenerSpec {
  /**
   * Name of the listener, unique in its list: lower-case letters, digits and "-".
   */
  name: string;
  /**
   * What is spoken on the port. TCP and UDP forward bytes and datagrams; TLS forwards by server name or ends TLS in front of a byte stream; HTTP and HTTPS look at requests, in HTTP/1.1 and HTTP/2. HTTPS settles which by ALPN; on HTTP a client that speaks HTTP/2 begins with it (prior knowledge).
   */
  protocol: 'TCP' | 'TLS' | 'UDP' | 'HTTP' | 'HTTPS';
  /**
   * The port to listen on.
   */
  port: number;
  /**
   * Listen on this one of the proxy's own addresses. Absent: on the address that the proxy was started with.
   */
  address?: string;
  /**
   * Hosts that this listener serves, lower case; "*.example.com" takes one or more labels at the left, never part of one. Absent: every host. For HTTP, HTTPS and TLS.
   *
   * Items: A host name, or "*." and a domain for every name below it.
   */
  hostnames?: string[];
  tls?: ListenerTLS;
  proxyProtocol?: ProxyProtocol;
  clientIP: ClientIPSource;
  limits: ListenerLimits;
  timeouts: ListenerTimeouts;
  accessRules?: AccessRules;
  udp?: UDPSessions;
}
/**
 * How TLS is handled: ended here, or passed on by the server name in the ClientHello.
 */
export interface ListenerTLS {
  /**
   * Terminate: TLS ends at the proxy. Passthrough: the bytes go on to the backend as they are (protocol TLS only).
   */
  mode: 'Terminate' | 'Passthrough';
  /**
   * Secrets of type kubernetes.io/tls. The certificate is chosen by the server name the client asks for and by the key type it can use; the first is for clients that name none.
   */
  certificateRefs?: SecretReference[];
  /**
   * The oldest TLS version that is accepted.
   */
  minVersion: '1.2' | '1.3';
  /**
   * Modern: forward secrecy and authenticated encryption only. Compatible: also CBC suites with forward secrecy, for old TLS 1.2 clients.
   */
  cipherPolicy: 'Modern' | 'Compatible';
  clientValidation?: ClientValidation;
}
/**
 * The Secret, in the pool's namespace.
 */
export interface SecretReference {
  /**
   * Name of the Secret.
   */
  name: string;
}
/**
 * Ask clients for a certificate.
 */
export interface ClientValidation {
  /**
   * Required: no handshake without a valid certificate. Optional: a client may have none, but what it shows has to be valid.
   */
  mode: 'Required' | 'Optional';
  /**
   * CA bundles that may have signed client certificates.
   */
  caRefs: CAReference[];
}
/**
 * Where a bundle of CA certificates is kept, in the pool's namespace, under the key ca.crt.
 */
export interface CAReference {
  /**
   * The kind of the object that holds the bundle.
   */
  kind: 'ConfigMap' | 'Secret';
  /**
   * Name of the ConfigMap or Secret.
   */
  name: string;
}
/**
 * Read the PROXY protocol (version 1 or 2) at the start of each connection: the client address that it carries is then the one used everywhere.
 */
export interface ProxyProtocol {
  /**
   * Required: a connection without the header is closed. Optional: it may be missing.
   */
  mode: 'Optional' | 'Required';
  /**
   * Peers whose header is believed. From any other peer, a header closes the connection.
   *
   * Items: A range of addresses, such as 10.0.0.0/8 or 2001:db8::/32.
   */
  trustedCIDRs: string[];
}
/**
 * Which address counts as the client.
 */
export interface ClientIPSource {
  /**
   * Connection: the peer of the connection, after the PROXY protocol. XForwardedFor: an entry of that header, when the peer is trusted; for HTTP and HTTPS.
   */
  source: 'Connection' | 'XForwardedFor';
  /**
   * How many proxies of yours have added an entry before this one: the client is that entry, counted from the right.
   */
  trustedHops?: number;
  /**
   * Peers whose X-Forwarded-For is believed. From any other peer the address of the connection counts.
   *
   * Items: A range of addresses, such as 10.0.0.0/8 or 2001:db8::/32.
   */
  trustedCIDRs?: string[];
}
/**
 * Bounds on what clients may ask of this listener, in each proxy.
 */
export interface ListenerLimits {
  /**
   * Connections open at a time. Absent: derived from the limit on open files.
   */
  maxConnections?: number;
  /**
   * Size of a request body, in bytes or as a quantity such as 10Mi; a larger one is answered with 413. Absent: no bound. For HTTP and HTTPS.
   */
  maxRequestBody?: number | string;
  /**
   * How much of a request body is read to decide a match on its content; a longer body is unreadable to such a match.
   */
  bodyMatchBytes: number;
}
/**
 * How long a client may take.
 */
export interface ListenerTimeouts {
  /**
   * From the first byte of a request to the end of its header.
   */
  requestHeader: string;
  /**
   * From the accepted connection to the end of the TLS handshake.
   */
  tlsHandshake: string;
  /**
   * How long a match on the body waits for that body.
   */
  bodyMatch: string;
  /**
   * A connection on which nothing moves for this long is closed: between two requests, in a body, on a TCP connection, or in a WebSocket, which nothing else bounds and whose pings count.
   */
  idle: string;
}
/**
 * Which client addresses may come in. A denied range wins over an allowed one.
 */
export interface AccessRules {
  /**
   * Ranges that may come in. Absent or empty: all that are not denied.
   *
   * Items: A range of addresses, such as 10.0.0.0/8 or 2001:db8::/32.
   */
  allowCIDRs?: string[];
  /**
   * Ranges that are turned away: an HTTP request with 403, a connection by closing it.
   *
   * Items: A range of addresses, such as 10.0.0.0/8 or 2001:db8::/32.
   */
  denyCIDRs?: string[];
}
/**
 * How datagrams are tied together into sessions, each bound to one endpoint. For UDP.
 */
export interface UDPSessions {
  /**
   * A session ends when nothing has moved in either direction for this long.
   */
  sessionIdleTimeout: string;
  /**
   * Sessions at a time, in each proxy, as far as descriptors allow; another one takes the place of the one that was quiet for longest.
   */
  maxSessions: number;
  /**
   * What belongs to one session: the same source address and port, or the same source address whatever the port.
   */
  sessionKey: 'FiveTuple' | 'SourceIP';
  /**
   * How many times the bytes that it has sent a session's client may get back; answers beyond are dropped and counted, so that nobody is flooded in whose name somebody else asks. Absent, no bound.
   */
  maxAmplification?: number;
}
/**
 * Where endpoints come from, and how to talk to them.
 */
export interface BackendSpec {
  /**
   * Name of the backend, unique in its list: lower-case letters, digits and "-".
   */
  name: string;
  /**
   * Service: the endpoints of a Service in the pool's namespace. Static: the addresses given here.
   */
  type: 'Service' | 'Static';
  service?: ServiceSource;
  static?: StaticSource;
  healthCheck?: BackendHealthCheck;
  tls?: BackendTLS;
}
/**
 * The Service, in the pool's namespace. One of type ExternalName is refused.
 */
export interface ServiceSource {
  /**
   * Name of the Service.
   */
  name: string;
  /**
   * One of the Service's ports, by name (http) or by number (80). Its appProtocol says what the endpoints speak to HTTP listeners: kubernetes.io/h2c or grpc is HTTP/2 with prior knowledge (over TLS by ALPN), all else HTTP/1.1.
   */
  port: number | string;
}
/**
 * Addresses that are written down here. For type Static.
 */
export interface StaticSource {
  /**
   * The addresses, each with its port.
   */
  endpoints: StaticEndpoint[];
  /**
   * What the endpoints speak to HTTP listeners, in the words of a Service's appProtocol: http is HTTP/1.1, kubernetes.io/h2c is HTTP/2 with prior knowledge, as gRPC wants it.
   */
  appProtocol: 'http' | 'kubernetes.io/h2c';
}
/**
 * One fixed endpoint.
 */
export interface StaticEndpoint {
  /**
   * IP address of the endpoint.
   */
  address: string;
  /**
   * Port of the endpoint.
   */
  port: number;
  /**
   * Share within the backend; needs an algorithm that uses weights. 0: nothing new.
   */
  weight: number;
  /**
   * Zone of the endpoint, for locality and for reports.
   */
  zone?: string;
}
/**
 * Replaces spec.healthCheck.active for this backend.
 */
export interface BackendHealthCheck {
  active?: ActiveCheckSpec;
}
/**
 * Probe every endpoint. Absent: no probes; readiness and what traffic meets decide alone.
 */
export interface ActiveCheckSpec {
  /**
   * What a probe does. TCP: connect, and optionally send and expect. HTTP: a request. GRPC: the gRPC health protocol. UDP: a datagram. Custom: ask an HTTP service of yours about the endpoint.
   */
  type: 'TCP' | 'HTTP' | 'GRPC' | 'UDP' | 'Custom';
  /**
   * Time from one probe of a healthy endpoint to the next.
   */
  interval: string;
  /**
   * Time from one probe of an unhealthy endpoint to the next; shorter than interval, so that an endpoint comes back fast.
   */
  unhealthyInterval: string;
  /**
   * A probe that takes longer has failed.
   */
  timeout: string;
  /**
   * Probes in a row that have to pass before an unhealthy endpoint takes traffic.
   */
  healthyThreshold: number;
  /**
   * Probes in a row that have to fail before a healthy endpoint takes no more traffic.
   */
  unhealthyThreshold: number;
  /**
   * What a new endpoint counts as until its first probes have decided. Unhealthy: it has to pass once before it takes traffic.
   */
  initialState: 'Unhealthy' | 'Healthy';
  /**
   * Probe this port. Absent: the port that serves.
   */
  port?: number;
  http?: HTTPCheck;
  tcp?: TCPCheck;
  udp?: UDPCheck;
  grpc?: GRPCCheck;
  custom?: CustomCheck;
}
/**
 * How an HTTP check asks and what it expects. It is asked in HTTP/2 where that is what the endpoints speak, but on a port of its own in HTTP/1.1.
 */
export interface HTTPCheck {
  /**
   * Path and query to ask for.
   */
  path: string;
  /**
   * Request method.
   */
  method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST';
  /**
   * Value of the Host header. Absent: the address and port of the endpoint.
   */
  host?: string;
  /**
   * Further headers of the request.
   */
  headers?: CheckHeader[];
  /**
   * Ranges of status codes that mean healthy.
   */
  expectedStatuses: StatusRange[];
  /**
   * Text that the response body has to contain. A body of more than 64 KiB fails the check in any case.
   */
  expectedBody?: string;
}
/**
 * A header of the check.
 */
export interface CheckHeader {
  /**
   * Name of the header, lower case.
   */
  name: string;
  /**
   * Value of the header.
   */
  value: string;
}
/**
 * A range of status codes, both ends included.
 */
export interface StatusRange {
  /**
   * First code of the range.
   */
  start: number;
  /**
   * Last code of the range.
   */
  end: number;
}
/**
 * What a TCP check says once connected. Absent: connecting is enough.
 */
export interface TCPCheck {
  /**
   * Text to send. Absent: nothing is sent.
   */
  send?: string;
  /**
   * Text that the reply has to contain. Absent: any reply is fine, also none.
   */
  expect?: string;
}
/**
 * What a UDP check says.
 */
export interface UDPCheck {
  /**
   * Text of the datagram to send.
   */
  send: string;
  /**
   * Text that the reply has to contain. Absent: no reply is needed; the check fails when the port is reported unreachable.
   */
  expect?: string;
}
/**
 * What a gRPC check asks about.
 */
export interface GRPCCheck {
  /**
   * Name of the service in the health request. Empty: the server as a whole.
   */
  service: string;
}
/**
 * The HTTP service that is asked. It gets the address, port, backend and pool as query parameters of a GET and answers 2xx for healthy.
 */
export interface CustomCheck {
  /**
   * URL to ask, http only: its host is an IP address, or a Service of the pool's namespace as name.namespace.svc.
   */
  url: string;
}
/**
 * Speak TLS to the endpoints. Absent: plain text.
 */
export interface BackendTLS {
  /**
   * Verify: the certificate has to be valid for serverName. SkipVerify: any certificate is taken, so that the connection is encrypted but its other end unknown.
   */
  mode: 'Verify' | 'SkipVerify';
  caRef?: CAReference;
  /**
   * The name that the certificate has to carry, also sent in the handshake.
   */
  serverName?: string;
  clientCertificateRef?: SecretReference;
}
/**
 * Which requests or connections go to which backends.
 */
export interface RouteSpec {
  /**
   * Name of the route, unique in its list: lower-case letters, digits and "-".
   */
  name: string;
  /**
   * Listeners that the route belongs to, by name. Absent: every HTTP and HTTPS listener.
   *
   * Items: Name of an entry of spec.listeners.
   */
  listeners?: string[];
  /**
   * Hosts of the route, within those of its listeners. Absent: those of the listeners.
   *
   * Items: A host name, or "*." and a domain for every name below it.
   */
  hostnames?: string[];
  /**
   * When the route is taken: any of these. Absent: always.
   */
  matches?: RouteMatchSpec[];
  /**
   * Where it goes. Absent: to spec.defaultBackendRefs.
   */
  backendRefs?: BackendRefSpec[];
  timeouts?: RouteTimeouts;
  rateLimit?: RateLimitSpec;
  /**
   * Changes to requests and responses.
   */
  filters?: FilterSpec[];
  accessRules?: AccessRules;
}
/**
 * Conditions that have to hold together.
 */
export interface RouteMatchSpec {
  path?: PathMatchSpec;
  /**
   * Request methods, any of them. Absent: every method.
   *
   * Items: A request method, upper case.
   */
  methods?: string[];
  /**
   * Conditions on headers.
   */
  headers?: HeaderMatch[];
  /**
   * Conditions on query parameters.
   */
  queryParams?: QueryParamMatch[];
  /**
   * Conditions on cookies.
   */
  cookies?: CookieMatch[];
  /**
   * Ranges of client addresses, any of them. The only condition that TCP, TLS and UDP listeners know.
   *
   * Items: A range of addresses, such as 10.0.0.0/8 or 2001:db8::/32.
   */
  sourceCIDRs?: string[];
  body?: BodyMatchSpec;
}
/**
 * A condition on the path, without the query.
 */
export interface PathMatchSpec {
  /**
   * Exact: the whole path. PathPrefix: whole segments from the start. RegularExpression: RE2 syntax, over the whole path.
   */
  type: 'Exact' | 'PathPrefix' | 'RegularExpression';
  /**
   * The path, the prefix or the regular expression.
   */
  value: string;
}
/**
 * A condition on one header.
 */
export interface HeaderMatch {
  /**
   * Name of the header, lower case.
   */
  name: string;
  /**
   * How the value is compared: Exact text, a RegularExpression in RE2 syntax that has to match the whole value, or whether it is Present or Absent.
   */
  type: 'Exact' | 'RegularExpression' | 'Present' | 'Absent';
  /**
   * The text or the regular expression to compare with.
   */
  value?: string;
}
/**
 * A condition on one query parameter.
 */
export interface QueryParamMatch {
  /**
   * Name of the query parameter.
   */
  name: string;
  /**
   * How the value is compared: Exact text, a RegularExpression in RE2 syntax that has to match the whole value, or whether it is Present or Absent.
   */
  type: 'Exact' | 'RegularExpression' | 'Present' | 'Absent';
  /**
   * The text or the regular expression to compare with.
   */
  value?: string;
}
/**
 * A condition on one cookie.
 */
export interface CookieMatch {
  /**
   * Name of the cookie.
   */
  name: string;
  /**
   * How the value is compared: Exact text, a RegularExpression in RE2 syntax that has to match the whole value, or whether it is Present or Absent.
   */
  type: 'Exact' | 'RegularExpression' | 'Present' | 'Absent';
  /**
   * The text or the regular expression to compare with.
   */
  value?: string;
}
/**
 * A condition on the content of the request body. It is read only when everything else in this match holds.
 */
export interface BodyMatchSpec {
  /**
   * How the body is understood. JSON: when its Content-Type says so; any other body is unreadable.
   */
  type: 'JSON';
  json?: JSONBody;
  value: ValueMatchSpec;
  /**
   * What happens with a body that cannot be decided: too long, too slow, encoded, not JSON, or with a key twice. NoMatch: this match does not hold. Reject: the request is answered with an error.
   */
  onUnreadable: 'NoMatch' | 'Reject';
}
/**
 * Where in a JSON body to look.
 */
export interface JSONBody {
  /**
   * A JSONPath (RFC 9535) that names one value, such as $.model or $.items[0].id.
   */
  path: string;
}
/**
 * What the value has to be.
 */
export interface ValueMatchSpec {
  /**
   * How the value is compared: Exact text, a RegularExpression in RE2 syntax that has to match the whole value, or whether it is Present or Absent.
   */
  type: 'Exact' | 'RegularExpression' | 'Present' | 'Absent';
  /**
   * The text or the regular expression to compare with; numbers, true, false and null are compared as written in JSON.
   */
  value?: string;
}
/**
 * A backend, with its share and its rank.
 */
export interface BackendRefSpec {
  /**
   * Name of an entry of spec.backends.
   */
  name: string;
  /**
   * Share of the requests, in proportion to the other backends of the same priority. 0: nothing new.
   */
  weight: number;
  /**
   * Rank: the lowest number is used while enough of its endpoints are healthy.
   */
  priority: number;
}
/**
 * Bounds on a request. Absent: none, so that streams live as long as they move. A WebSocket that is open is not bound by them.
 */
export interface RouteTimeouts {
  /**
   * From the end of the request header to the last byte of the response, retries included.
   */
  request?: string;
  /**
   * One attempt at one endpoint, from its start to the last byte of the response.
   */
  backendRequest?: string;
}
/**
 * How many requests each client may make, counted by each proxy for itself, over all of its threads. More are answered with 429, with Retry-After (seconds until the next one may come) and with RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10); a gRPC call gets UNAVAILABLE. A proxy remembers about 65,000 clients in 1 MiB; when more come in one refill, some may begin anew.
 */
export interface RateLimitSpec {
  /**
   * Requests allowed in the time of per.
   */
  requests: number;
  /**
   * The time in which that many requests are allowed.
   */
  per: string;
  /**
   * Requests allowed at once after a pause. Absent: as many as requests.
   */
  burst?: number;
  key: RateLimitKey;
}
/**
 * What tells clients apart.
 */
export interface RateLimitKey {
  /**
   * ClientIP: the address of the client, IPv6 by its first 64 bits, which one client often has all of. Header: the value of a request header; requests without it share one count.
   */
  type: 'ClientIP' | 'Header';
  header?: RateLimitHeader;
}
/**
 * The header whose value tells clients apart. For type Header.
 */
export interface RateLimitHeader {
  /**
   * Name of the header, lower case.
   */
  name: string;
}
/**
 * One change to requests or responses.
 */
export interface FilterSpec {
  /**
   * Which change; the field of that name says what exactly. A route has each type once at most.
   */
  type:
    'RequestHeaderModifier' | 'ResponseHeaderModifier' | 'URLRewrite' | 'RequestRedirect' | 'DirectResponse';
  requestHeaderModifier?: HeaderModifier;
  responseHeaderModifier?: HeaderModifier;
  urlRewrite?: URLRewrite;
  requestRedirect?: RequestRedirect;
  directResponse?: DirectResponse;
}
/**
 * Changes to the headers of the request, before it goes to the backend.
 */
export interface HeaderModifier {
  /**
   * Headers to set, in place of any that are there.
   */
  set?: HeaderValue[];
  /**
   * Headers to add to those that are there.
   */
  add?: HeaderValue[];
  /**
   * Names of headers to remove.
   *
   * Items: Name of the header, lower case.
   */
  remove?: string[];
}
/**
 * A header and its value.
 */
export interface HeaderValue {
  /**
   * Name of the header, lower case.
   */
  name: string;
  /**
   * Value of the header.
   */
  value: string;
}
/**
 * Changes to the host and path of the request, before it goes to the backend.
 */
export interface URLRewrite {
  /**
   * Host header that the backend gets in place of the client's.
   */
  hostname?: string;
  path?: PathModifierSpec;
}
/**
 * How the path is changed.
 */
export interface PathModifierSpec {
  /**
   * ReplaceFullPath: the whole path. ReplacePrefixMatch: the part that the PathPrefix match took.
   */
  type: 'ReplaceFullPath' | 'ReplacePrefixMatch';
  /**
   * The path that takes the place of the whole one. For type ReplaceFullPath.
   */
  replaceFullPath?: string;
  /**
   * What takes the place of the matched prefix. For type ReplacePrefixMatch.
   */
  replacePrefixMatch?: string;
}
/**
 * Answer with a redirect; no backend is asked.
 */
export interface RequestRedirect {
  /**
   * Scheme of the new location. Absent: that of the request.
   */
  scheme?: 'http' | 'https';
  /**
   * Host of the new location. Absent: that of the request.
   */
  hostname?: string;
  path?: PathModifierSpec;
  /**
   * Port of the new location. Absent: the one that belongs to scheme, or without a scheme the listener's.
   */
  port?: number;
  /**
   * Status of the answer.
   */
  statusCode: 301 | 302 | 303 | 307 | 308;
}
/**
 * Answer with this; no backend is asked.
 */
export interface DirectResponse {
  /**
   * Status of the answer.
   */
  statusCode: number;
  /**
   * What the body is. Absent: text/plain; charset=utf-8.
   */
  contentType?: string;
  /**
   * Body of the answer, in UTF-8. Absent: none.
   */
  body?: string;
}
/**
 * How an endpoint is chosen within a backend.
 */
export interface LoadBalancingSpec {
  /**
   * RoundRobin: one after the other, in order. WeightedRoundRobin: the same by weight, smoothly. LeastConnections: the one with the fewest in flight for its weight. PowerOfTwoChoices: the less busy of two taken at random. Random: any, by weight. LeastLatency: the one that answers fastest for what it has in flight. SourceIPHash: always the same for a client address. ConsistentHash: always the same for a value of the request.
   */
  algorithm:
    | 'RoundRobin'
    | 'WeightedRoundRobin'
    | 'LeastConnections'
    | 'PowerOfTwoChoices'
    | 'Random'
    | 'LeastLatency'
    | 'SourceIPHash'
    | 'ConsistentHash';
  consistentHash?: ConsistentHashSpec;
  endpointWeight?: EndpointWeight;
  slowStart?: SlowStart;
  locality: Locality;
  failover: Failover;
}
/**
 * Which value of a request is hashed. For algorithm ConsistentHash.
 */
export interface ConsistentHashSpec {
  /**
   * Where in the request the value is. Requests without it are hashed by client address.
   */
  key: 'Header' | 'Cookie' | 'QueryParam';
  /**
   * Name of the header (lower case), cookie or query parameter.
   */
  name: string;
}
/**
 * Give each endpoint of a Service its own weight.
 */
export interface EndpointWeight {
  /**
   * Annotation: the annotation evenkeel.dev/weight of the pod, a whole number from 0 to 1,000,000; 1 without it.
   */
  from: 'Annotation';
}
/**
 * Let a new or returned endpoint have its share little by little.
 */
export interface SlowStart {
  /**
   * Time until the endpoint has its whole share.
   */
  window: string;
  /**
   * Share to begin with, in percent of the whole.
   */
  minWeightPercent: number;
}
/**
 * Whether near endpoints are preferred.
 */
export interface Locality {
  /**
   * Any: no preference. PreferZone: endpoints in the proxy's zone while there are eligible ones. PreferNode: those on the proxy's node, then those in its zone.
   */
  mode: 'Any' | 'PreferZone' | 'PreferNode';
}
/**
 * When the next priority takes over.
 */
export interface Failover {
  /**
   * A priority is used while at least this share of its ready endpoints is healthy.
   */
  minHealthyPercent: number;
  /**
   * How long a better priority has to be well again before traffic goes back to it.
   */
  failbackDelay: string;
}
/**
 * Keep the requests of one session at one endpoint.
 */
export interface SessionAffinitySpec {
  /**
   * None, or Cookie: the proxy sets a cookie that names the endpoint without showing its address. For HTTP and HTTPS.
   */
  type: 'None' | 'Cookie';
  cookie?: AffinityCookie;
}
/**
 * The cookie that binds a browser to its endpoint. For type Cookie.
 */
export interface AffinityCookie {
  /**
   * Name of the cookie.
   */
  name: string;
  /**
   * How long a browser keeps the cookie. Absent: until it is closed.
   */
  ttl?: string;
}
/**
 * How it is known which endpoints can take traffic.
 */
export interface HealthCheckSpec {
  active?: ActiveCheckSpec;
  passive: PassiveSpec;
  failOpen: FailOpenSpec;
}
/**
 * Take an endpoint out when real traffic fails on it.
 */
export interface PassiveSpec {
  /**
   * Enabled: failures of traffic take an endpoint out. Disabled: they change nothing, except that a refused connection still takes the endpoint out.
   */
  mode: 'Enabled' | 'Disabled';
  /**
   * Failed requests or connections in a row that take the endpoint out.
   */
  consecutiveFailures: number;
  /**
   * How long it stays out the first time; each further time is longer by as much.
   */
  baseEjection: string;
  /**
   * The longest it stays out.
   */
  maxEjection: string;
  /**
   * At most this share of a backend is out at a time, for this reason.
   */
  maxEjectionPercent: number;
}
/**
 * What happens when too few endpoints are healthy.
 */
export interface FailOpenSpec {
  /**
   * WhenNoneHealthy: when no endpoint is healthy, ready ones are used all the same. BelowPercent: already when fewer are healthy than the given share. Never: requests are answered with an error.
   */
  mode: 'WhenNoneHealthy' | 'Never' | 'BelowPercent';
  belowPercent?: BelowPercent;
}
/**
 * Below which share. For mode BelowPercent.
 */
export interface BelowPercent {
  /**
   * Fail open when less than this share of the endpoints is healthy.
   */
  percent: number;
}
/**
 * What happens when an endpoint is slow, full or gone.
 */
export interface ResilienceSpec {
  timeouts: ResilienceTimeouts;
  /**
   * When a new connection is not up by then, another endpoint is tried beside it, and the first to answer is used. Absent: no second try before the first has failed.
   */
  connectHedgeDelay?: string;
  retries: RetriesSpec;
  limits?: EndpointLimits;
}
/**
 * How long an endpoint may take.
 */
export interface ResilienceTimeouts {
  /**
   * Until a connection to it is up, TLS included.
   */
  connect: string;
  /**
   * From the end of the request to the end of the response header. For HTTP.
   */
  responseHeader: string;
}
/**
 * Whether a failed attempt is made again, on another endpoint first. What was never sent is repeated whatever the method; what was sent only when the request may be repeated (an idempotent method, or an Idempotency-Key) and no byte of the response was passed on.
 */
export interface RetriesSpec {
  /**
   * Further attempts after the first. 0: none.
   */
  attempts: number;
  /**
   * What counts as a reason to try again. ConnectFailure: no connection came about. RefusedStream: the backend says it did not begin. ResetBeforeResponse: the connection broke before a response. Timeout: perTryTimeout, timeouts.responseHeader or backendRequest of the route is over. StatusCode: a response with one of the given codes.
   *
   * Items: A reason to try again.
   */
  retryOn: ('ConnectFailure' | 'RefusedStream' | 'ResetBeforeResponse' | 'Timeout' | 'StatusCode')[];
  statusCode?: RetryStatusCodes;
  /**
   * How long one attempt may take until its response begins. Absent: resilience.timeouts.responseHeader.
   */
  perTryTimeout?: string;
  budget: RetryBudget;
  /**
   * A request body is kept for a retry while it is no longer than this; 0: only requests without a body are repeated.
   */
  bufferBytes: number;
}
/**
 * Which responses are tried again. For StatusCode in retryOn.
 */
export interface RetryStatusCodes {
  /**
   * Status codes that are tried again.
   *
   * Items: A status code.
   */
  codes: number[];
}
/**
 * Bounds the retries of requests that were sent, in each proxy.
 */
export interface RetryBudget {
  /**
   * Retries as a share of the requests of the last 10 seconds.
   */
  percent: number;
  /**
   * Retries allowed in each second whatever the share.
   */
  minPerSecond: number;
}
/**
 * Bounds on what each endpoint gets, in each proxy.
 */
export interface EndpointLimits {
  /**
   * Connections to one endpoint at a time; each request in flight counts as one, over HTTP/2 too. Absent: no bound.
   */
  maxConnectionsPerEndpoint?: number;
  /**
   * HTTP requests in flight, or TCP connections and UDP sessions, at one endpoint at a time. Absent: no bound.
   */
  maxRequestsPerEndpoint?: number;
  queue?: QueueLimit;
}
/**
 * Let requests wait while every endpoint is full. Absent: they are answered with 503 at once.
 */
export interface QueueLimit {
  /**
   * Requests that may wait.
   */
  max: number;
  /**
   * How long one may wait.
   */
  timeout: string;
}
/**
 * What happens while endpoints come and go.
 */
export interface LifecycleSpec {
  /**
   * Drain: an endpoint that is going away but still serves keeps its connections and bound sessions, and is used for new ones only when its backend has no ready endpoint left. Exclude: it is treated as gone at once.
   */
  terminatingEndpoints: 'Drain' | 'Exclude';
  /**
   * How long a draining or removed endpoint may go on with what it has; then its connections are closed.
   */
  drainTimeout: string;
  noEndpoints: NoEndpoints;
}
/**
 * The answer when no endpoint can take a request. For HTTP.
 */
export interface NoEndpoints {
  /**
   * Status of the answer.
   */
  statusCode: number;
  /**
   * Value of its Retry-After header.
   */
  retryAfterSeconds: number;
  /**
   * What the body is. Absent: text/plain; charset=utf-8.
   */
  contentType?: string;
  /**
   * Body of the answer, in UTF-8. Absent: a line that says why.
   */
  body?: string;
}
/**
 * A person's hand on one or more endpoints.
 */
export interface EndpointOverride {
  /**
   * Name of the override, unique in its list: lower-case letters, digits and "-".
   */
  name: string;
  target: OverrideTarget;
  /**
   * Drain: no new requests or connections; bound sessions and what is in flight go on, until the drain timeout. Exclude: nothing at all, at once.
   */
  state: 'Drain' | 'Exclude';
  /**
   * When the override ends by itself. Absent: when it is removed.
   */
  expireTime?: string;
}
/**
 * Which endpoints it is about.
 */
export interface OverrideTarget {
  /**
   * Pod: the endpoints of a pod. Address: one address, or one address and port. Node: every endpoint on a node.
   */
  type: 'Pod' | 'Address' | 'Node';
  pod?: PodTarget;
  address?: AddressTarget;
  node?: NodeTarget;
}
/**
 * A pod, with all its endpoints. For type Pod.
 */
export interface PodTarget {
  /**
   * Name of the pod, in the pool's namespace.
   */
  name: string;
  /**
   * Its uid. With one, the override ends with that pod; without, it goes for any pod of that name.
   */
  uid?: string;
}
/**
 * An endpoint by its address. For type Address.
 */
export interface AddressTarget {
  /**
   * IP address of the endpoint.
   */
  address: string;
  /**
   * Port of the endpoint. Absent: every port.
   */
  port?: number;
}
/**
 * A node, with all endpoints on it. For type Node.
 */
export interface NodeTarget {
  /**
   * Name of the node.
   */
  name: string;
}
/**
 * What the pool is, as the controller and the proxies see it.
 */
export interface PoolStatus {
  /**
   * The metadata.generation that this status is about.
   */
  observedGeneration?: number;
  /**
   * Accepted: the spec can be served. ResolvedRefs: all that it names was found. Programmed: every proxy has applied it. Available: every backend in use has an endpoint that takes traffic. Redundant: more than one proxy serves it. Degraded: something needs attention.
   */
  conditions?: PoolCondition[];
  /**
   * Where clients reach the pool.
   */
  addresses?: PoolAddress[];
  summary?: PoolSummary;
  /**
   * Each backend.
   */
  backends?: BackendStatus[];
  /**
   * Endpoints, those in trouble first.
   */
  endpoints?: EndpointStatus[];
  /**
   * Whether there are more endpoints than are listed.
   */
  endpointsTruncated?: boolean;
  /**
   * Names of entries of spec.endpointOverrides that have no effect: their target is gone or their time is past.
   *
   * Items: Name of the override.
   */
  staleOverrides?: string[];
  proxies?: ProxyCounts;
  redundancy?: RedundancyStatus;
  config?: ConfigStatus;
}
/**
 * One aspect of the pool: whether it holds, since when, and why.
 */
export interface PoolCondition {
  /**
   * Which aspect: Accepted, ResolvedRefs, Programmed, Available, Redundant or Degraded.
   */
  type: string;
  /**
   * Whether it holds.
   */
  status: 'True' | 'False' | 'Unknown';
  /**
   * The metadata.generation that this is about.
   */
  observedGeneration?: number;
  /**
   * When status last changed.
   */
  lastTransitionTime: string;
  /**
   * Why, in one word.
   */
  reason: string;
  /**
   * Why, for a person.
   */
  message: string;
}
/**
 * One address.
 */
export interface PoolAddress {
  /**
   * Kind of the address.
   */
  type: 'IPAddress' | 'Hostname';
  /**
   * An IP address or a host name.
   */
  value: string;
}
/**
 * Endpoints of all backends, counted.
 */
export interface PoolSummary {
  /**
   * Endpoints known.
   */
  total?: number;
  /**
   * Endpoints that their resource calls ready.
   */
  ready?: number;
  /**
   * Endpoints that take traffic.
   */
  healthy?: number;
  /**
   * Endpoints that take none because a check or traffic failed.
   */
  unhealthy?: number;
  /**
   * Endpoints that keep what they have and take nothing new.
   */
  draining?: number;
  /**
   * Endpoints that a person has taken out.
   */
  excluded?: number;
  /**
   * Healthy and total, such as 7/8.
   */
  healthyText?: string;
  /**
   * The first addresses, in one line.
   */
  addressText?: string;
  /**
   * The reason of the first condition that is not as it should be.
   */
  reason?: string;
}
/**
 * One backend.
 */
export interface BackendStatus {
  /**
   * Name of the backend.
   */
  name: string;
  /**
   * Endpoints known.
   */
  total?: number;
  /**
   * Endpoints that take traffic.
   */
  healthy?: number;
  /**
   * The share of the default traffic that it gets now.
   */
  effectiveWeightPercent?: number;
}
/**
 * One endpoint.
 */
export interface EndpointStatus {
  /**
   * IP address of the endpoint.
   */
  address: string;
  /**
   * Port of the endpoint.
   */
  port: number;
  /**
   * The pod behind it.
   */
  podName?: string;
  /**
   * The backend that it belongs to.
   */
  backend: string;
  /**
   * Zone of the endpoint.
   */
  zone?: string;
  /**
   * The node that it runs on.
   */
  nodeName?: string;
  /**
   * Whether it takes traffic, or why not.
   */
  state: 'Healthy' | 'Unhealthy' | 'Draining' | 'Excluded';
  /**
   * Who says so: the resource, a probe, traffic, or a person.
   */
  source?: 'Readiness' | 'Active' | 'Passive' | 'Override';
  /**
   * Why, in one word.
   */
  reason?: string;
  /**
   * Why, for a person.
   */
  message?: string;
  /**
   * When state last changed.
   */
  since?: string;
  /**
   * How many of the proxies see it so, such as 3/3.
   */
  seenBy?: string;
}
/**
 * The proxies that should serve the pool.
 */
export interface ProxyCounts {
  /**
   * Proxies that should serve it.
   */
  expected?: number;
  /**
   * Proxies that are connected to the controller.
   */
  connected?: number;
  /**
   * Proxies that have applied this very configuration.
   */
  applied?: number;
  /**
   * Applied and expected, such as 3/3.
   */
  text?: string;
}
/**
 * How the proxies share the work.
 */
export interface RedundancyStatus {
  /**
   * ActiveActive: all serve. ActivePassive: one serves, the others stand by.
   */
  mode?: 'ActiveActive' | 'ActivePassive';
  /**
   * The proxy that serves, with ActivePassive.
   */
  activeProxy?: string;
  /**
   * When another proxy last took over.
   */
  lastFailoverTime?: string;
}
/**
 * The configuration that the proxies are meant to have.
 */
export interface ConfigStatus {
  /**
   * Digest of its content.
   */
  digest?: string;
  /**
   * What a proxy said when it last refused one.
   */
  lastError?: string;
}
