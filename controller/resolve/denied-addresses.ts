import { addressRange, addressSpellings } from '../../api/address.ts';

/** Addresses that no backend may have, whatever an EndpointSlice or a pool says. */
export interface DeniedAddresses {
  /** Why the address is denied, such as `127.0.0.0/8 (loopback)`; undefined when it is not. */
  reason(address: string): string | undefined;
}

interface DeniedRange {
  readonly cidr: string;
  readonly what: string;
}

/** Never a backend, wherever Evenkeel runs. */
const NEVER: readonly DeniedRange[] = [
  { cidr: '0.0.0.0/8', what: 'unspecified' },
  { cidr: '::/128', what: 'unspecified' },
  { cidr: '224.0.0.0/4', what: 'multicast' },
  { cidr: 'ff00::/8', what: 'multicast' },
  { cidr: '240.0.0.0/4', what: 'reserved' },
];

/** Reach the machine itself, its neighbours on the link, or the cloud's metadata service. */
const INFRASTRUCTURE: readonly DeniedRange[] = [
  { cidr: '127.0.0.0/8', what: 'loopback' },
  { cidr: '::1/128', what: 'loopback' },
  { cidr: '169.254.0.0/16', what: 'link-local and cloud metadata' },
  { cidr: 'fe80::/10', what: 'link-local' },
  { cidr: 'fd00:ec2::254/128', what: 'cloud metadata' },
  { cidr: '100.100.100.200/32', what: 'cloud metadata' },
  { cidr: '168.63.129.16/32', what: 'cloud metadata' },
  { cidr: '192.0.0.192/32', what: 'cloud metadata' },
];

/** What the controller denies unless told otherwise; it adds the API server's and the proxies' own addresses. */
export const CONTROLLER_DENIED_CIDRS: readonly string[] = INFRASTRUCTURE.map(({ cidr }) => cidr);

/** @param cidrs each a valid range; what can never be a backend is denied beside them */
export function denyAddresses(cidrs: readonly string[]): DeniedAddresses {
  const ranges = [...NEVER.map(({ cidr }) => cidr), ...cidrs].map((cidr) => {
    const range = addressRange(cidr);
    if (range === undefined) throw new Error(`${cidr} is not an address range`);
    const what = [...NEVER, ...INFRASTRUCTURE].find((known) => known.cidr === cidr)?.what;
    return { range, label: what === undefined ? range.text : `${range.text} (${what})` };
  });
  return {
    reason: (address) => {
      const spellings = addressSpellings(address);
      return ranges.find(({ range }) => spellings.some((bytes) => range.contains(bytes)))?.label;
    },
  };
}
