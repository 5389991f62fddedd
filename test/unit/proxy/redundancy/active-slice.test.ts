import { describe, expect, it } from 'vitest';
import { portsOf } from '../../../../api/service-ports.ts';
import { sameTarget, withActive, type ActiveSlice } from '../../../../proxy/redundancy/active-slice.ts';

const EMPTY: ActiveSlice = {
  metadata: { name: 'lb-active', resourceVersion: '7', labels: { a: 'b' } },
  addressType: 'IPv4',
  endpoints: null,
  ports: null,
};
const PROXY = { name: 'proxy-1', namespace: 'lb', addresses: ['fd00::7', '10.0.0.7'], node: 'n1', zone: 'a' };
const PORTS = portsOf([
  { protocol: 'HTTP', port: 80 },
  { protocol: 'UDP', port: 53 },
]);

describe('the slice of the active proxy', () => {
  it('says where it is and what it listens on, and keeps what else stands there', () => {
    expect(withActive(EMPTY, PROXY, PORTS, 3)).toEqual({
      metadata: {
        name: 'lb-active',
        resourceVersion: '7',
        labels: { a: 'b' },
        annotations: { 'evenkeel.dev/term': '3' },
      },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.0.0.7'],
          conditions: { ready: true, serving: true, terminating: false },
          targetRef: { kind: 'Pod', name: 'proxy-1', namespace: 'lb' },
          nodeName: 'n1',
          zone: 'a',
        },
      ],
      ports: [
        { name: 'udp-53', protocol: 'UDP', port: 53 },
        { name: 'tcp-80', protocol: 'TCP', port: 80 },
      ],
    });
  });

  it('has an address of its own family', () => {
    const ipv6 = withActive({ ...EMPTY, addressType: 'IPv6' }, PROXY, PORTS, 1);
    expect(ipv6?.endpoints).toMatchObject([{ addresses: ['fd00::7'] }]);
    expect(() =>
      withActive({ ...EMPTY, addressType: 'IPv6' }, { ...PROXY, addresses: ['10.0.0.7'] }, PORTS, 1),
    ).toThrow('this pod has no IPv6 address, only 10.0.0.7');
  });

  it('is left alone by one that was active before', () => {
    const later = withActive(EMPTY, { ...PROXY, name: 'proxy-2' }, PORTS, 4)!;
    expect(withActive(later, PROXY, PORTS, 3)).toBeUndefined();
    expect(withActive(later, PROXY, PORTS, 5)).toBeDefined();
  });

  it('has 100 ports at most', () => {
    const many = portsOf(
      Array.from({ length: 120 }, (_, at) => ({ protocol: 'TCP' as const, port: 1_000 + at })),
    );
    expect(withActive(EMPTY, PROXY, many, 1)?.ports).toHaveLength(100);
  });

  it('is the same whatever the order of members, and another with another proxy, port or term', () => {
    const slice = withActive(EMPTY, PROXY, PORTS, 3)!;
    const reordered = slice.endpoints!.map((each) => Object.fromEntries(Object.entries(each).toReversed()));
    expect(sameTarget(slice, { ...slice, endpoints: reordered })).toBe(true);
    expect(sameTarget(slice, withActive(EMPTY, { ...PROXY, name: 'proxy-2' }, PORTS, 3)!)).toBe(false);
    expect(sameTarget(slice, withActive(EMPTY, PROXY, PORTS.slice(1), 3)!)).toBe(false);
    expect(sameTarget(slice, withActive(EMPTY, PROXY, PORTS, 4)!)).toBe(false);
  });
});
