/** docs/troubleshooting.md, from the tables of errors and reasons that the code itself uses. */
import { CONDITION_MEANINGS, VERDICT_MEANINGS } from '../../api/meanings.ts';
import { ERROR_HINTS } from '../../proxy/error-hints.ts';
import { ERROR_CODES, traitsOf, type ErrorCode, type RetryClass } from '../../proxy/errors.ts';
import { FAULTS, requestError } from '../../proxy/http/h1/fault.ts';
import { replyFor } from '../../proxy/http/replies.ts';
import { ACCESS_LOG_FIELDS } from '../../proxy/observe/access-log-fields.ts';
import { banner, table } from './markdown.ts';

const RETRY: Readonly<Record<RetryClass, string>> = {
  'nothing-sent': 'yes, nothing was sent',
  'if-idempotent': 'idempotent requests',
  never: 'no',
};

export function troubleshootingDoc(): string {
  return `${banner('the tables in api/, proxy/errors.ts and proxy/error-hints.ts')}
# Troubleshooting

1. \`kubectl get lbp -A -o wide\`, or \`evenkeel get\`: which pool is not as it should be, and a word why.
2. \`evenkeel describe\`: its conditions with their reasons, and every endpoint in trouble with its own.
3. \`evenkeel explain --url …\`: what one request would get, and why every other route loses.
4. The access log (\`--access-log\`): what one request did get, and the error code when it failed.

A response that a proxy makes itself has a line such as \`503 no healthy endpoint (NO_ELIGIBLE_ENDPOINT)\`; responses of backends are passed on.

## Error codes

In responses, in \`error\` of the access log, and in the label \`error\` of \`evenkeel_request_errors_total\`.
"Counts" says whether a failure counts against the endpoint in passive health.

${table(
  ['code', 'status', 'means', 'tried again', 'counts', 'what to do'],
  ERROR_CODES.map((code) => {
    const { status, retry, blame } = traitsOf(code);
    return [
      `\`${code}\``,
      status === 0 ? '' : String(status),
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

${table(['reason', 'means'], rowsOf(VERDICT_MEANINGS))}
## Reasons of conditions

${Object.entries(CONDITION_MEANINGS)
  .map(([type, reasons]) => `### ${type}\n\n${table(['reason', 'means'], rowsOf(reasons))}`)
  .join('\n')}
## The access log

With \`--access-log\`, one JSON line for each request or session on standard output.
A field that has nothing to say is left out.

${table(['field', 'means'], rowsOf(ACCESS_LOG_FIELDS))}`;
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
