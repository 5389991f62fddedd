import { describe, expect, it } from 'vitest';
import {
  provesReachable,
  reachabilityProbe,
  TCP_REACHABLE,
  UDP_REACHABLE,
} from '../../../../proxy/health/reachability.ts';
import { activeCheck, backendRef, endpoint, listener, poolConfig, route } from '../../../support/builders.ts';

const udp = listener({ name: 'dns', protocol: 'UDP' });
const tcp = listener({ name: 'dns-tcp', protocol: 'TCP' });
const web = listener({ name: 'web', protocol: 'HTTP' });
const toV1 = [backendRef({ name: 'v1' })];

describe('our own probe of a backend', () => {
  it.each([
    ['the default behind an HTTP listener', { listeners: [web], defaultBackendRefs: toV1 }, 'TCP'],
    ['the default behind a UDP listener', { listeners: [udp], defaultBackendRefs: toV1 }, 'UDP'],
    ['the default behind both', { listeners: [udp, web], defaultBackendRefs: toV1 }, 'TCP'],
    [
      'that one UDP route names',
      {
        listeners: [udp, web],
        defaultBackendRefs: [],
        routes: [route({ listeners: ['dns'], backendRefs: toV1 })],
      },
      'UDP',
    ],
    [
      'that a UDP and a TCP route name',
      {
        listeners: [udp, tcp],
        defaultBackendRefs: [],
        routes: [route({ listeners: ['dns', 'dns-tcp'], backendRefs: toV1 })],
      },
      'TCP',
    ],
    [
      'that a route for every web listener names',
      {
        listeners: [udp, web],
        defaultBackendRefs: [],
        routes: [route({ listeners: [], backendRefs: toV1 })],
      },
      'TCP',
    ],
    ['that nothing names', { listeners: [udp], defaultBackendRefs: [] }, 'TCP'],
  ])('%s', (_, config, expected) => {
    expect(reachabilityProbe(poolConfig(config), 'v1').probe.type).toBe(expected);
  });
});

describe('a check proves that the serving port is reached', () => {
  const at = endpoint({ port: 80 });
  it.each([
    ['TCP on the serving port', activeCheck(), TCP_REACHABLE, true],
    ['TCP on the serving port, named', activeCheck({ port: 80 }), TCP_REACHABLE, true],
    ['TCP on another port', activeCheck({ port: 81 }), TCP_REACHABLE, false],
    ['gRPC', activeCheck({ probe: { type: 'GRPC', service: '' } }), TCP_REACHABLE, true],
    ['UDP, where it serves UDP', activeCheck({ probe: { type: 'UDP', send: 'x' } }), UDP_REACHABLE, true],
    ['UDP, where it serves TCP', activeCheck({ probe: { type: 'UDP', send: 'x' } }), TCP_REACHABLE, false],
    ['TCP, where it serves UDP', activeCheck(), UDP_REACHABLE, false],
    [
      'a custom prober',
      activeCheck({ probe: { type: 'Custom', url: 'http://10.0.0.1/' } }),
      TCP_REACHABLE,
      false,
    ],
  ])('%s', (_, check, own, expected) => {
    expect(provesReachable(check, at, own)).toBe(expected);
  });
});
