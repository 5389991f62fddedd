import { describe, expect, it } from 'vitest';
import { findUnsupported } from '../../../api/unsupported.ts';
import { poolOf } from '../../support/pools.ts';

describe('findUnsupported', () => {
  it('names every field that is not carried out yet', () => {
    const pool = poolOf(`
      listeners:
      - {name: web, protocol: HTTP, port: 80}
      - {name: tls, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: shop}]}}
      backends:
      - {name: v1, service: {name: checkout, port: http}, tls: {mode: SkipVerify}}
      defaultBackendRefs: [{name: v1}]`);
    const rows = [
      { path: ['spec', 'listeners', '*', 'protocol'], values: ['HTTPS'], what: 'TLS' },
      { path: ['spec', 'backends', '*', 'tls'], what: 'TLS to backends' },
      { path: ['spec', 'paused', 'until'], what: 'a pause that ends' },
    ];
    expect(findUnsupported(pool, rows)).toEqual([
      { path: 'spec.listeners[1].protocol', message: 'TLS is not supported yet' },
      { path: 'spec.backends[0].tls', message: 'TLS to backends is not supported yet' },
    ]);
  });

  it('says nothing of a pool that needs none of it', () => {
    const pool = poolOf(`
      listeners: [{name: web, protocol: HTTP, port: 80}]
      backends: [{name: v1, type: Static, static: {endpoints: [{address: 192.0.2.1, port: 80}]}}]
      defaultBackendRefs: [{name: v1}]`);
    expect(findUnsupported(pool)).toEqual([]);
  });
});
