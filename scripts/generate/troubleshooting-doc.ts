/** docs/troubleshooting.md, from the tables of errors and reasons that the code itself uses. */
import { status as GrpcStatus } from '@grpc/grpc-js';
import { CONDITION_MEANINGS, VERDICT_MEANINGS } from '../../api/meanings.ts';
import { CONDITION_REMEDIES, VERDICT_REMEDIES } from '../../api/remedies.ts';
import type { ConditionType } from '../../api/conditions.ts';
import { ERROR_HINTS } from '../../proxy/error-hints.ts';
import { ERROR_CODES, traitsOf, type ErrorCode, type RetryClass } from '../../proxy/errors.ts';
import { grpcStatusOf } from '../../proxy/http/grpc.ts';
import { FAULTS, requestError } from '../../proxy/http/h1/fault.ts';
import { replyFor } from '../../proxy/http/replies.ts';
import { ACCESS_LOG_FIELDS } from '../../proxy/observe/access-log-fields.ts';
import { banner, table } from './markdown.ts';

const RETRY: Readonly<Record<RetryClass, string>> = {
  'nothing-sent': 'yes, nothing was sent',
  'if-idempotent': 'idempotent requests',
  never: 'no',
};

const SYMPTOMS: readonly (readonly string[])[] = [
  ['ACCEPTED is False', '[Accepted](#accepted); what was served before goes on'],
  ['PROGRAMMED is False or Unknown', '[Programmed](#programmed)'],
  ['AVAILABLE is False', '[Available](#available), then the reasons of its endpoints'],
  ['HEALTHY is `5/6`, REASON is EndpointsUnhealthy', '[reasons of endpoints](#reasons-of-endpoints)'],
  [
    'an endpoint gets no traffic although it is Healthy',
    '`evenkeel explain`: weights, priorities and locality, in this order; a backend with weight 0 gets nothing new',
  ],
  [
    'a pool has no status at all',
    'its `spec.className`: does a controller serve that class, and does one lead (`evenkeel_controller_leading`)?',
  ],
  [
    'ADDRESS stays empty',
    'the Service of the proxies has no address yet: `kubectl --namespace evenkeel get service`',
  ],
  [
    'a connection is refused',
    'is the pool Accepted and Programmed? Is the port on the Service, and does a firewall let it in?',
  ],
  [
    'a request gets 503, 502 or 504',
    'the code in its body, or `error` in the access log: [error codes](#error-codes)',
  ],
  ['a request gets 400', '`reason` in the access log: [malformed messages](#malformed-messages)'],
  ['a request gets 404', 'NO_ROUTE in its body: `evenkeel explain`; else a backend has answered so'],
  ['a request gets 421', 'the host name does not belong to the certificate of the connection it came by'],
  ['the access log has status 499', 'the client left before the answer: a timeout of its own'],
  [
    'rates differ between proxies',
    'connections are spread, not requests: long-lived ones stay where they began',
  ],
];

export function troubleshootingDoc(): string {
  return `${banner('the tables in api/, proxy/errors.ts and proxy/error-hints.ts')}
# Troubleshooting

1. \`kubectl get lbp -A -o wide\`, or \`evenkeel get\`: which pool is not as it should be, and a word why.
2. \`evenkeel describe\`: its conditions with their reasons, and every endpoint in trouble with its own.
3. \`evenkeel explain --url …\`: what one request would get, and why every other route loses.
4. The access log (\`--access-log\`): what one request did get, and the error code when it failed.
5. The status page of the controller or of \`evenkeel run\`: all of that for all pools, and rates ([how to open it](tasks.md#see-what-serves-and-what-does-not)).

## By symptom

${table(['what is seen', 'look at'], SYMPTOMS)}

A response that a proxy makes itself has a line such as \`503 no healthy endpoint (NO_ELIGIBLE_ENDPOINT)\`; responses of backends are passed on.

## Error codes

In responses, in \`error\` of the access log, and in the label \`error\` of \`evenkeel_request_errors_total\`.
"Counts" says whether a failure counts against the endpoint in passive health.
A gRPC call gets the status of the column gRPC, in a response of status 200 or in the trailers of one that has begun, and the line in \`grpc-message\`.

${table(
  ['code', 'status', 'gRPC', 'means', 'tried again', 'counts', 'what to do'],
  ERROR_CODES.map((code) => {
    const { status, retry, blame } = traitsOf(code);
    return [
      `\`${code}\``,
      status === 0 ? '' : String(status),
      status === 0 ? '' : GrpcStatus[grpcStatusOf(code, { status })]!,
      meaning(code),
      RETRY[retry],
      blame ? 'yes' : 'no',
      ERROR_HINTS[code],
    ];
  }),
)}
A pool may give the answers to \`NO_ENDPOINTS\`, \`NO_ELIGIBLE_ENDPOINT\` and \`NO_WEIGHT\` another status, and a Retry-After (\`lifecycle.noEndpoints\`).

## Malformed messages

What is malformed is refused before it is routed and never forwarded.
\`reason\` in the access log and the label \`reason\` of \`evenkeel_refused_requests_total\` say what is wrong:

${table(
  ['reason', 'error code'],
  FAULTS.map((fault) => [`\`${fault}\``, `\`${requestError(fault)}\``]),
)}
## Reasons of endpoints

In \`status.endpoints\`, in \`evenkeel describe\`, and in the label \`reason\` of \`evenkeel_endpoint_transitions_total\`.

${table(['reason', 'means', 'what to do'], remediesOf(VERDICT_MEANINGS, VERDICT_REMEDIES))}
## Reasons of conditions

${Object.entries(CONDITION_MEANINGS)
  .map(([type, reasons]) => {
    const rows = remediesOf(reasons, CONDITION_REMEDIES[type as ConditionType]);
    return `### ${type}\n\n${table(['reason', 'means', 'what to do'], rows)}`;
  })
  .join('\n')}
## The access log

With \`--access-log\`, one JSON line for each request or session on standard output.
A field that has nothing to say is left out.

${table(['field', 'means'], rowsOf(ACCESS_LOG_FIELDS))}`;
}

function remediesOf(
  meanings: Readonly<Record<string, string>>,
  remedies: Readonly<Record<string, string>>,
): string[][] {
  return Object.entries(meanings).map(([name, text]) => [`\`${name}\``, text, remedies[name] ?? '']);
}

/** What the client is told, without status and code. */
function meaning(code: ErrorCode): string {
  return replyFor(code)
    .text.replace(/^\d+ /, '')
    .replace(/ \(\w+\)$/, '');
}

function rowsOf(meanings: Readonly<Record<string, string>>): string[][] {
  return Object.entries(meanings).map(([name, text]) => [`\`${name}\``, text]);
}
