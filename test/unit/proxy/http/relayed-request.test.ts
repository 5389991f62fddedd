import { describe, expect, it } from 'vitest';
import { Sent } from '../../../../proxy/conn/sender.ts';
import type { BackendStream } from '../../../../proxy/http/backend-stream.ts';
import { type BodyPiece, type BodyRelay, NO_PIECE } from '../../../../proxy/http/h1/body-relay.ts';
import { RequestHead } from '../../../../proxy/http/h1/request-head.ts';
import { RelayedRequest } from '../../../../proxy/http/relayed-request.ts';
import type { HttpRule } from '../../../../proxy/http/route-target.ts';
import { resilience } from '../../../support/builders.ts';

/** A backend that writes down what it is sent: heads by their first line, and the body. */
function backend(over: Partial<BackendStream> = {}) {
  const sent: string[] = [];
  const note = (head: string, body: string): Sent => {
    sent.push([head.split('\r\n', 1)[0], body].filter((part) => part !== '').join(' | '));
    return Sent.Flushed;
  };
  const stream = {
    mayRefuse: false,
    useOnce: () => sent.push('once'),
    send: (head: string, bytes: Buffer, piece: BodyPiece) => note(head, textOf(bytes, piece)),
    sendHeld: (head: string, { parts }: { parts: readonly Buffer[] }) =>
      note(head, Buffer.concat(parts).toString()),
    ...over,
  } as BackendStream;
  return { stream, sent };
}

function textOf(bytes: Buffer, { ranges, rangeCount }: BodyPiece): string {
  return Array.from({ length: rangeCount }, (_, i) =>
    bytes.toString('latin1', ranges[i * 2], ranges[i * 2 + 1]),
  ).join('');
}

function piece(text: string, { done = false, isDisguised = false } = {}): [Buffer, BodyRelay] {
  const bytes = Buffer.from(text);
  const ranges = Int32Array.of(0, bytes.length);
  return [
    bytes,
    { ...NO_PIECE, ranges, rangeCount: 1, done, isDisguised } as Partial<BodyRelay> as BodyRelay,
  ];
}

/** A request with this method, of which the first piece of the body has come. */
function requestOf(method: string, first: [Buffer, BodyRelay], bufferBytes = 100): RelayedRequest {
  const head = new RequestHead();
  const text = Buffer.from(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nx_y: 1\r\n\r\n`);
  head.parse(text, 0, text.length);
  const retries = { ...resilience().retries, attempts: 1, bufferBytes };
  const request = new RelayedRequest();
  request.begin(...first);
  request.take(head, { payload: { filters: {}, retries } } as unknown as HttpRule, '', 'id');
  return request;
}

describe('a relayed request', () => {
  it('goes out with its first piece, as that came, when there is a connection at once', () => {
    const { stream, sent } = backend();
    const request = requestOf('PUT', piece('abc'));
    request.sendStart(stream);
    expect(request.releaseFirst()).toBe(false);
    request.sendPiece(stream, ...piece('def', { done: true }));
    expect(sent).toEqual(['PUT / HTTP/1.1 | abc', 'def']);
  });

  it('is held until there is one', () => {
    const { stream, sent } = backend();
    const first = piece('abc');
    const request = requestOf('POST', first);
    expect(request.releaseFirst()).toBe(true);
    request.hold(...first);
    request.hold(...piece('def'));
    request.sendStart(stream);
    expect(sent).toEqual(['POST / HTTP/1.1 | abcdef']);
  });

  it('can be sent again from the beginning as long as all of it is kept', () => {
    const { stream, sent } = backend();
    const request = requestOf('PUT', piece('abc'), 6);
    request.sendStart(stream);
    request.sendPiece(stream, ...piece('def'));
    expect(request.isReplayable).toBe(true);
    request.sendStart(stream);
    expect(sent.at(-1)).toBe('PUT / HTTP/1.1 | abcdef');
    request.sendPiece(stream, ...piece('g'));
    expect(request.isReplayable).toBe(false);
  });

  it('is not kept where it could not be sent again, nor after its last attempt', () => {
    const post = requestOf('POST', piece('abc'));
    post.sendStart(backend().stream);
    expect(post.isReplayable).toBe(false);
    const refusable = requestOf('POST', piece('abc'));
    refusable.sendStart(backend({ mayRefuse: true }).stream);
    expect(refusable.isReplayable).toBe(true);
    const last = requestOf('PUT', piece('abc'));
    last.retries = 1;
    last.sendStart(backend().stream);
    expect(last.isReplayable).toBe(false);
  });

  it('has a connection to itself from the moment that its body might be taken for another request', () => {
    const { stream, sent } = backend();
    const request = requestOf('POST', piece('abc'));
    request.sendStart(stream);
    const [bytes, relay] = piece('GET / HTTP/1.1', { isDisguised: true });
    request.advance(relay);
    request.sendPiece(stream, bytes, relay);
    expect(sent).toEqual(['POST / HTTP/1.1 | abc', 'once', 'GET / HTTP/1.1']);
  });

  it('keeps nothing of one request for the next', () => {
    const { stream, sent } = backend();
    const request = requestOf('PUT', piece('abc'));
    request.retries = 1;
    request.sendStart(stream);
    expect(request.isReplayable).toBe(false);
    request.end();
    request.begin(...piece('xyz'));
    expect(request).toMatchObject({ head: '', retries: 0, isReplayable: true, isDone: false, parts: [] });
    expect(sent).toHaveLength(1);
  });
});
