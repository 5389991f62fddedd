import { describe, expect, it } from 'vitest';
import { findServicePort } from '../../../../controller/resolve/service-ports.ts';
import { serviceOf } from '../../../support/pools.ts';

const DNS = serviceOf('coredns', {
  ports: [
    { name: 'dns', port: 53, protocol: 'UDP', targetPort: 'dns' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 'dns' },
    { name: 'metrics', port: 9153 },
  ],
});
const STREAM = { http: false, stream: true, udp: false };
const UDP = { http: false, stream: false, udp: true };
const BOTH = { http: false, stream: true, udp: true };

describe('findServicePort', () => {
  it('finds a port by name and by number', () => {
    expect(findServicePort(DNS, 'metrics', STREAM)).toMatchObject({ ok: true, port: { name: 'metrics' } });
    expect(findServicePort(DNS, 9153, STREAM)).toMatchObject({ ok: true, port: { name: 'metrics' } });
  });

  it('takes the one of two ports with a number that fits the listeners', () => {
    expect(findServicePort(DNS, 53, UDP)).toMatchObject({ port: { name: 'dns' } });
    expect(findServicePort(DNS, 53, STREAM)).toMatchObject({ port: { name: 'dns-tcp' } });
  });

  it('serves TCP and UDP listeners by one number when both lead to the same target', () => {
    expect(findServicePort(DNS, 53, BOTH)).toMatchObject({ ok: true, port: { name: 'dns-tcp' } });
    const split = serviceOf('split', {
      ports: [
        { name: 'a', port: 53, protocol: 'UDP', targetPort: 5353 },
        { name: 'b', port: 53, protocol: 'TCP', targetPort: 5354 },
      ],
    });
    expect(findServicePort(split, 53, BOTH)).toMatchObject({ ok: false, reason: 'AmbiguousPort' });
  });

  it('refuses a port of the wrong transport', () => {
    expect(findServicePort(DNS, 'dns', STREAM)).toEqual({
      ok: false,
      reason: 'ProtocolMismatch',
      message: 'port dns of Service coredns is UDP, but a listener that leads here needs TCP',
    });
  });

  it('says which ports there are', () => {
    expect(findServicePort(DNS, 'http', STREAM)).toEqual({
      ok: false,
      reason: 'PortNotFound',
      message: 'Service coredns has no port http; there are dns (53), dns-tcp (53), metrics (9153)',
    });
    expect(findServicePort(serviceOf('headless', { ports: [] }), 80, STREAM)).toMatchObject({
      message: 'Service headless has no port 80; there are none',
    });
  });

  it('knows a single port without a name by its number', () => {
    const plain = serviceOf('plain', { ports: [{ port: 80 }] });
    expect(findServicePort(plain, 80, STREAM)).toMatchObject({ ok: true, port: { port: 80 } });
  });
});
