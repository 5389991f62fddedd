import { describe, expect, it } from 'vitest';
import { resolvePool } from '../../../../controller/resolve/resolve-pool.ts';
import { poolOf, worldOf } from '../../../support/pools.ts';

describe('an HTTP check', () => {
  it.each([
    ['of an endpoint that speaks HTTP/2', 'kubernetes.io/h2c', '{type: HTTP}', 'HTTP/2'],
    ['of one that does not', 'http', '{type: HTTP}', undefined],
    ['of another port', 'kubernetes.io/h2c', '{type: HTTP, port: 8081}', undefined],
    ['by TCP', 'kubernetes.io/h2c', '{type: TCP}', undefined],
  ])('is asked in the version that is spoken there: %s', (_, appProtocol, active, version) => {
    const pool = poolOf(`
      listeners: [{name: web, protocol: HTTP, port: 80}]
      backends: [{name: v1, type: Static, static: {appProtocol: ${appProtocol}, endpoints: [{address: 192.0.2.1, port: 80}]}}]
      defaultBackendRefs: [{name: v1}]
      healthCheck: {active: ${active}}`);
    const probe = resolvePool(pool, worldOf()).intent?.config.backends[0]?.healthCheck?.probe;
    expect(probe).toBeDefined();
    expect(probe).toHaveProperty('type');
    expect('version' in probe! ? probe.version : undefined).toBe(version);
  });
});

describe('checks of a pool that sends the PROXY protocol', () => {
  it.each([
    ['of the serving port', '{type: TCP}', 'V2'],
    ['of the serving port by HTTP', '{type: HTTP}', 'V2'],
    ['of the serving port by gRPC', '{type: GRPC}', 'V2'],
    ['of another port', '{type: HTTP, port: 8081}', undefined],
    ['of a prober that is asked', '{type: Custom, custom: {url: "http://192.0.2.1/probe"}}', undefined],
  ])('begin with it as the traffic does, or not: %s', (_, active, proxyProtocol) => {
    const pool = poolOf(`
      listeners: [{name: web, protocol: TCP, port: 80}]
      backends: [{name: v1, type: Static, static: {endpoints: [{address: 192.0.2.1, port: 80}]}}]
      defaultBackendRefs: [{name: v1}]
      backendProxyProtocol: V2
      healthCheck: {active: ${active}}`);
    const { intent, problems } = resolvePool(pool, worldOf());
    expect(problems).toEqual([]);
    expect(intent?.config.backends[0]?.healthCheck?.proxyProtocol).toBe(proxyProtocol);
  });
});
