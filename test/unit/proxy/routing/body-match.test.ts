import { describe, expect, it } from 'vitest';
import type { BodyMatch, ValueMatch } from '../../../../api/snapshot.ts';
import { compileRouteTable } from '../../../../proxy/routing/route-table.ts';
import type { BodyBytes } from '../../../../proxy/routing/body-match.ts';
import { listener, poolConfig, poolSnapshot, route, routeMatch } from '../../../support/builders.ts';
import { request } from '../../../support/request-view.ts';

const on = listener({
  limits: { bodyMatchBytes: 1_000 },
  timeouts: { ...listener().timeouts, bodyMatchMs: 300 },
});
const json = { 'content-type': 'application/json' };

function tableWith(bodies: readonly Partial<BodyMatch>[], over: Parameters<typeof routeMatch>[0] = {}) {
  const match = (body: Partial<BodyMatch>) =>
    routeMatch({
      ...over,
      body: {
        type: 'JSON',
        jsonPath: '$.model',
        value: { type: 'Exact', value: 'large' },
        onUnreadable: 'NoMatch',
        ...body,
      },
    });
  const pool = poolSnapshot({
    config: poolConfig({
      listeners: [on],
      routes: [
        ...bodies.map((body, index) => route({ name: `body${index}`, matches: [match(body)] })),
        route({ name: 'rest' }),
      ],
    }),
  });
  return compileRouteTable([{ pool, listener: on }], (source) => source.route?.name ?? 'default');
}

type Table = ReturnType<typeof tableWith>;
const post = (over: Parameters<typeof request>[0] = {}) =>
  request({ method: 'POST', url: 'h.test/v1', headers: json, hasBody: true, ...over });
const bytes = (text: string) => new TextEncoder().encode(text);

function ask(table: Table, body: BodyBytes, view = post()): string {
  const answer = table.lookupWithBody(view, body);
  return answer.kind === 'rule' ? answer.payload : answer.kind;
}

describe('a match on the body', () => {
  it('asks for the body, saying how much and how long', () => {
    expect(tableWith([{}]).lookup(post())).toEqual({ kind: 'needs-body', maxBytes: 1_000, timeoutMs: 300 });
  });

  it.each([
    ['another method', { methods: ['PUT'] }],
    ['another path', { path: { type: 'PathPrefix' as const, value: '/v2' } }],
    ['a header that is missing', { headers: [{ name: 'x', type: 'Present' as const }] }],
  ])('does not ask for it when the match fails by %s', (_, over) => {
    expect(tableWith([{}], over).lookup(post())).toMatchObject({ kind: 'rule', payload: 'rest' });
  });

  it('does not ask for it when there is none', () => {
    expect(tableWith([{}]).lookup(post({ hasBody: false }))).toMatchObject({ payload: 'rest' });
  });

  it('does not ask for it when the headers rule JSON out', () => {
    const text = post({ headers: { 'content-type': 'text/plain' } });
    expect(tableWith([{}]).lookup(text)).toMatchObject({ payload: 'rest' });
    expect(tableWith([{ onUnreadable: 'Reject' }]).lookup(text)).toEqual({ kind: 'unreadable-body' });
  });

  it.each<[string, Partial<BodyMatch>, string, boolean]>([
    ['the value', {}, '{"model":"large"}', true],
    ['another value', {}, '{"model":"small"}', false],
    ['no such member', {}, '{"mode":"large"}', false],
    ['a nested value', { jsonPath: '$.a[1].b' }, '{"a":[0,{"b":"large"}]}', true],
    ['the last element', { jsonPath: '$.a[-1]' }, '{"a":["x","large"]}', true],
    ['an index past the end', { jsonPath: '$.a[2]' }, '{"a":["x","large"]}', false],
    ['a member of an array', { jsonPath: '$.a.length' }, '{"a":[1]}', false],
    ['an inherited member', { jsonPath: '$.constructor', value: { type: 'Present' } }, '{}', false],
    ['the whole body', { jsonPath: '$' }, '"large"', true],
    ['a number by its text', { value: { type: 'Exact', value: '1' } }, '{"model":1}', true],
    ['a number in another spelling', { value: { type: 'Exact', value: '1' } }, '{"model":1.0}', false],
    ['true by its text', { value: { type: 'Exact', value: 'true' } }, '{"model":true}', true],
    ['null by its text', { value: { type: 'Exact', value: 'null' } }, '{"model":null}', true],
    ['an object as text', { value: { type: 'RegularExpression', value: '.*' } }, '{"model":{}}', false],
    [
      'an expression over all of the value',
      { value: { type: 'RegularExpression', value: 'l.*' } },
      '{"model":"large"}',
      true,
    ],
    [
      'an expression over a part',
      { value: { type: 'RegularExpression', value: 'arg' } },
      '{"model":"large"}',
      false,
    ],
    ['presence of an object', { value: { type: 'Present' } }, '{"model":{}}', true],
    ['presence of null', { value: { type: 'Present' } }, '{"model":null}', true],
    ['absence', { value: { type: 'Absent' } }, '{}', true],
    ['absence of what is there', { value: { type: 'Absent' } }, '{"model":[]}', false],
    ['an escaped value', {}, '{"\\u006dodel":"l\\u0061rge"}', true],
  ])('decides by %s', (_, over, body, expected) => {
    expect(ask(tableWith([over]), bytes(body))).toBe(expected ? 'body0' : 'rest');
  });

  it.each<[string, BodyBytes, Record<string, string>]>([
    ['over the cap or too slow', 'unreadable', json],
    ['over the cap by a byte', bytes('{"model":"large"}'.padEnd(1_001)), json],
    ['not JSON', bytes('model=large'), json],
    ['with a name twice', bytes('{"model":"large","model":"small"}'), json],
    ['empty', bytes(''), json],
    ['encoded', bytes('{"model":"large"}'), { ...json, 'content-encoding': 'gzip' }],
    ['of another type', bytes('{"model":"large"}'), { 'content-type': 'text/plain' }],
  ])('is undecidable with a body %s, and the match says what then', (_, body, headers) => {
    expect(ask(tableWith([{}]), body, post({ headers }))).toBe('rest');
    expect(ask(tableWith([{ onUnreadable: 'Reject' }]), body, post({ headers }))).toBe('unreadable-body');
    expect(ask(tableWith([{ value: { type: 'Absent' } }]), body, post({ headers }))).toBe('rest');
  });

  it.each<[ValueMatch['type'], string]>([
    ['Exact', 'rest'],
    ['Present', 'rest'],
    ['Absent', 'body0'],
  ])('takes a request without a body as one without the value: %s', (type, expected) => {
    const value: ValueMatch = type === 'Exact' ? { type, value: '' } : { type: type as 'Present' | 'Absent' };
    const table = tableWith([{ value, onUnreadable: 'Reject' }]);
    expect(table.lookup(post({ hasBody: false }))).toMatchObject({ payload: expected });
  });

  it('reads a body up to the cap', () => {
    expect(ask(tableWith([{}]), bytes('{"model":"large"}'.padEnd(1_000)))).toBe('body0');
  });

  it('asks the next match with the same body', () => {
    const table = tableWith([{}, { value: { type: 'Exact', value: 'small' } }]);
    expect(ask(table, bytes('{"model":"large"}'))).toBe('body0');
    expect(ask(table, bytes('{"model":"small"}'))).toBe('body1');
    expect(ask(table, bytes('{"model":"other"}'))).toBe('rest');
  });
});
