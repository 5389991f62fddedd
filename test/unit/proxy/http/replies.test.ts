import { describe, expect, it } from 'vitest';
import { replyFor } from '../../../../proxy/http/replies.ts';

describe('replyFor', () => {
  it('says what is wrong, with the code that an operator looks for', () => {
    expect(replyFor('NO_ROUTE')).toEqual({
      status: 404,
      text: '404 no route takes this request (NO_ROUTE)',
      lines: '',
    });
  });

  it('follows the wishes of the pool where nothing can serve', () => {
    const noEndpoints = { statusCode: 502, retryAfterSeconds: 3 };
    expect(replyFor('NO_ENDPOINTS', noEndpoints)).toMatchObject({ status: 502, lines: '' });
    expect(replyFor('NO_ELIGIBLE_ENDPOINT', { ...noEndpoints, statusCode: 503 })).toMatchObject({
      status: 503,
      lines: 'Retry-After: 3\r\n',
    });
  });

  it('asks to come back later with every 503 of a pool', () => {
    const noEndpoints = { statusCode: 503, retryAfterSeconds: 1 };
    for (const code of ['UPSTREAM_CONNECT_REFUSED', 'ALL_ENDPOINTS_FULL', 'QUEUE_TIMEOUT'] as const) {
      expect(replyFor(code, noEndpoints).lines).toBe('Retry-After: 1\r\n');
    }
    expect(replyFor('UPSTREAM_RESET', noEndpoints).lines).toBe('');
  });
});
