import { describe, expect, it } from 'vitest';
import { portsOf } from '../../../../api/service-ports.ts';
import { addressesOf, freePorts, hasPorts } from '../../../../controller/frontend/service-ports.ts';

describe('the ports of the Service', () => {
  it('are those of the listeners, each once, in order', () => {
    const listeners = [
      { protocol: 'HTTPS', port: 443 },
      { protocol: 'HTTP', port: 80 },
      { protocol: 'HTTP', port: 80 },
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ] as const;
    expect(portsOf(listeners)).toEqual([
      { name: 'tcp-53', protocol: 'TCP', port: 53, targetPort: 53 },
      { name: 'udp-53', protocol: 'UDP', port: 53, targetPort: 53 },
      { name: 'tcp-80', protocol: 'TCP', port: 80, targetPort: 80 },
      { name: 'tcp-443', protocol: 'TCP', port: 443, targetPort: 443 },
    ]);
  });

  it('are not those of listeners on one address of a proxy', () => {
    expect(portsOf([{ protocol: 'TCP', port: 80, address: '127.0.0.1' }])).toEqual([]);
    expect(portsOf([{ protocol: 'TCP', port: 80, address: '0.0.0.0' }])).toHaveLength(1);
  });

  it('leave alone what others have there', () => {
    const wanted = portsOf([
      { protocol: 'TCP', port: 9903 },
      { protocol: 'UDP', port: 9903 },
      { protocol: 'TCP', port: 80 },
    ]);
    const spec = {
      ports: [
        { name: 'status', port: 9903 },
        { name: 'tcp-80', protocol: 'TCP', port: 80 },
      ],
    };
    expect(freePorts(wanted, { spec }).map(({ name }) => name)).toEqual(['tcp-80', 'udp-9903']);
    expect(hasPorts({ spec }, freePorts(wanted, { spec }))).toBe(false);
    expect(hasPorts({ spec }, portsOf([{ protocol: 'TCP', port: 80 }]))).toBe(true);
  });
});

describe('the addresses of the Service', () => {
  it.each([
    [
      'a load balancer’s, and external ones',
      {
        spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], externalIPs: ['192.0.2.9'] },
        status: { loadBalancer: { ingress: [{ ip: '203.0.113.7' }, { hostname: 'lb.example.com' }, {}] } },
      },
      ['203.0.113.7', 'lb.example.com', '192.0.2.9'],
    ],
    [
      'none while the load balancer is made',
      { spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'] } },
      [],
    ],
    [
      'those in the cluster of others',
      { spec: { type: 'NodePort', clusterIPs: ['10.0.0.1', 'fd00::1'] } },
      ['10.0.0.1', 'fd00::1'],
    ],
    ['none of a headless one', { spec: { type: 'ClusterIP', clusterIPs: ['None'] } }, []],
    [
      'each once',
      { spec: { type: 'ClusterIP', clusterIPs: ['10.0.0.1'], externalIPs: ['10.0.0.1'] } },
      ['10.0.0.1'],
    ],
  ])('are %s', (_, service, values) => {
    expect(addressesOf(service).map(({ value }) => value)).toEqual(values);
  });

  it('say whether they are names', () => {
    const status = { loadBalancer: { ingress: [{ hostname: 'lb.example.com' }] } };
    expect(addressesOf({ spec: {}, status })).toEqual([{ type: 'Hostname', value: 'lb.example.com' }]);
  });
});
