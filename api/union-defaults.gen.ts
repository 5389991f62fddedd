// Generated from crds/loadbalancerpools.yaml by `make generate`; edit that file instead.
import type { UDPSessions, AffinityCookie, HTTPCheck, GRPCCheck, RequestRedirect } from './pool.gen.ts';

/** What an absent member of a union stands for, where its type calls for it. */
export const UNION_DEFAULTS: {
  readonly UDPSessions: UDPSessions;
  readonly AffinityCookie: AffinityCookie;
  readonly HTTPCheck: HTTPCheck;
  readonly GRPCCheck: GRPCCheck;
  readonly RequestRedirect: RequestRedirect;
} = {
  "UDPSessions": {
    "sessionIdleTimeout": "30s",
    "maxSessions": 65536,
    "sessionKey": "FiveTuple"
  },
  "AffinityCookie": {
    "name": "ek_aff"
  },
  "HTTPCheck": {
    "path": "/",
    "method": "GET",
    "expectedStatuses": [
      {
        "start": 200,
        "end": 299
      }
    ]
  },
  "GRPCCheck": {
    "service": ""
  },
  "RequestRedirect": {
    "statusCode": 302
  }
};
