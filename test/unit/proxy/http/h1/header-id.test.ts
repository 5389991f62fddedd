import { describe, expect, it } from 'vitest';
import { HeaderId, headerIdOf } from '../../../../../proxy/http/h1/header-id.ts';

const idOf = (name: string) => headerIdOf(Buffer.from(` ${name}`, 'latin1'), 1, name.length + 1);

describe('headerIdOf', () => {
  it.each([
    ['host', HeaderId.Host],
    ['HOST', HeaderId.Host],
    ['Content-Length', HeaderId.ContentLength],
    ['transfer-ENCODING', HeaderId.TransferEncoding],
    ['te', HeaderId.Te],
    ['HTTP2-Settings', HeaderId.Http2Settings],
    ['X-Forwarded-Host', HeaderId.XForwardedHost],
    ['X-Forwarded-Port', HeaderId.XForwardedPort],
    ['X-Real-IP', HeaderId.XRealIp],
    ['X-Request-ID', HeaderId.XRequestId],
  ])('knows %s in any case', (name, id) => {
    expect(idOf(name)).toBe(id);
  });

  it.each([
    'hos',
    'hosts',
    'hOst_',
    'x',
    'content_length',
    'content-lengtg',
    '\rost',
    'user-agent',
    'x-forwarded-fos',
  ])('takes %j for none of them', (name) => {
    expect(idOf(name)).toBe(HeaderId.Other);
  });

  it('numbers them from 0 without a gap', () => {
    expect(Object.values(HeaderId)).toEqual(Object.values(HeaderId).map((_, i) => i));
  });
});
