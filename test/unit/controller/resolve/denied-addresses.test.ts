import { describe, expect, it } from 'vitest';
import { CONTROLLER_DENIED_CIDRS, denyAddresses } from '../../../../controller/resolve/denied-addresses.ts';
import { resolvePool } from '../../../../controller/resolve/resolve-pool.ts';
import { podEndpoint, poolOf, serviceOf, sliceOf, worldOf } from '../../../support/pools.ts';

const API_SERVER = '10.96.0.1/32';
const denied = denyAddresses([...CONTROLLER_DENIED_CIDRS, API_SERVER]);

// CATALOGUE J02, J04
describe('denied addresses', () => {
  it.each([
    ['127.0.0.1', '127.0.0.0/8 (loopback)'],
    ['127.255.255.254', '127.0.0.0/8 (loopback)'],
    ['::1', '::1/128 (loopback)'],
    ['::ffff:127.0.0.1', '127.0.0.0/8 (loopback)'],
    ['::ffff:7f00:1', '127.0.0.0/8 (loopback)'],
    ['64:ff9b::7f00:1', '127.0.0.0/8 (loopback)'],
    ['0.0.0.0', '0.0.0.0/8 (unspecified)'],
    ['::', '::/128 (unspecified)'],
    ['169.254.169.254', '169.254.0.0/16 (link-local and cloud metadata)'],
    ['0:0:0:0:0:FFFF:A9FE:A9FE', '169.254.0.0/16 (link-local and cloud metadata)'],
    ['fe80::1', 'fe80::/10 (link-local)'],
    ['fd00:ec2::254', 'fd00:ec2::254/128 (cloud metadata)'],
    ['224.0.0.1', '224.0.0.0/4 (multicast)'],
    ['ff02::1', 'ff00::/8 (multicast)'],
    ['255.255.255.255', '240.0.0.0/4 (reserved)'],
    ['10.96.0.1', '10.96.0.1/32'],
  ])('%s is in %s', (address, range) => {
    expect(denied.reason(address)).toBe(range);
  });

  it.each(['10.96.0.2', '192.0.2.1', '2001:db8::1', '128.0.0.1', '::ffff:10.0.0.1'])(
    '%s is not',
    (address) => {
      expect(denied.reason(address)).toBeUndefined();
    },
  );

  it('are only what can never be a backend when the list is empty', () => {
    const open = denyAddresses([]);
    expect(open.reason('127.0.0.1')).toBeUndefined();
    expect(open.reason('::1')).toBeUndefined();
    expect(open.reason('0.0.0.0')).toBeDefined();
  });

  it.each([
    '127.0.0.1',
    '169.254.169.254',
    '::ffff:127.0.0.1',
    '0.0.0.0',
    '2130706433',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '127.1',
    'localhost.',
    '127.0.0.1%lo',
    '',
  ])('keep %j of a hand-written EndpointSlice from being a backend, with a reason', (address) => {
    const world = worldOf({
      services: [serviceOf('checkout')],
      slices: [sliceOf('checkout-evil', [podEndpoint(address), podEndpoint('10.0.0.1')])],
      denied,
    });
    const { intent, problems } = resolvePool(
      poolOf(
        `{listeners: [{name: web, protocol: HTTP, port: 80}], backends: [{name: v1, service: {name: checkout, port: http}}], defaultBackendRefs: [{name: v1}]}`,
      ),
      world,
    );
    expect(intent?.endpoints.get('v1')?.map((endpoint) => endpoint.address)).toEqual(['10.0.0.1']);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.condition).toBe('ResolvedRefs');
    expect(['AddressDenied', 'InvalidEndpoint']).toContain(problems[0]?.reason);
    expect(problems[0]?.message).toContain('checkout-evil');
  });

  it('keep a Static endpoint out, with its path', () => {
    const pool = poolOf(`
      listeners: [{name: web, protocol: HTTP, port: 80}]
      backends: [{name: v1, type: Static, static: {endpoints: [{address: 192.0.2.1, port: 80}, {address: 127.0.0.1, port: 80}]}}]
      defaultBackendRefs: [{name: v1}]`);
    const { intent, problems } = resolvePool(pool, worldOf({ denied }));
    expect(intent?.endpoints.get('v1')).toHaveLength(1);
    expect(problems).toEqual([
      {
        condition: 'ResolvedRefs',
        reason: 'AddressDenied',
        path: 'spec.backends[0].static.endpoints[1].address',
        message: '127.0.0.1 is in 127.0.0.0/8 (loopback), which pools may not reach',
      },
    ]);
  });
});
