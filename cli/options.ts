import { InvalidArgumentError, Option } from 'commander';
import { canonicalAddress } from '../api/address.ts';
import { durationMs } from '../controller/resolve/units.ts';
import { denyAddresses } from '../controller/resolve/denied-addresses.ts';
import { parseAddress } from '../lib/admin-server.ts';

/** What options are made of: each has a twin in the environment, and refuses what it cannot mean. */

/** An option with its twin in the environment: `--log-level` is `EVENKEEL_LOG_LEVEL`. */
export function option(flags: string, description: string): Option {
  const made = new Option(flags, description);
  const name = made.attributeName().replaceAll(/[A-Z]/g, (letter) => `_${letter}`);
  return made.env(`EVENKEEL_${name.toUpperCase()}`);
}

/** An option that is given or not. */
export function flag(flags: string, description: string): Option {
  return option(flags, description).default(false);
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`A whole number from ${min} to ${max} is wanted.`);
  };
}

/** A duration as the resource writes them (`30s`, `1m30s`, `250ms`), in milliseconds. */
export function duration(text: string): number {
  if (/^([0-9]{1,5}(h|m|s|ms)){1,4}$/.test(text)) return durationMs(text);
  throw new InvalidArgumentError('A duration such as 30s, 1m30s or 250ms is wanted.');
}

/** `HOST:PORT`, as text. */
export function listenAddress(text: string): string {
  try {
    parseAddress(text);
    return text;
  } catch {
    throw new InvalidArgumentError('HOST:PORT is wanted, such as 127.0.0.1:9901, [::1]:9901 or :9901.');
  }
}

export function ipAddress(text: string): string {
  const address = canonicalAddress(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError('An IP address is wanted.');
}

/** One of several ranges. */
export function cidr(text: string, others: readonly string[] | undefined): string[] {
  try {
    denyAddresses([text]);
  } catch {
    throw new InvalidArgumentError('An address range such as 10.0.0.0/8 is wanted.');
  }
  return [...(others ?? []), text];
}

/** Several, with commas between them, or the option more than once. */
export function listed(text: string, others: readonly string[] | undefined): string[] {
  return [...(others ?? []), ...text.split(',').filter((part) => part !== '')];
}

export function httpUrl(text: string): string {
  const protocol = URL.parse(text)?.protocol;
  if (protocol === 'http:' || protocol === 'https:') return text;
  throw new InvalidArgumentError('A URL such as http://shop.example.com:8080/api is wanted.');
}

/** One of several `name: value`. */
export function headerLine(text: string, others: readonly string[] | undefined): string[] {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:/.test(text)) return [...(others ?? []), text];
  throw new InvalidArgumentError('A header such as "x-tier: gold" is wanted.');
}

export interface EndpointName {
  /** Canonical. */
  readonly address: string;
  readonly port: number;
}

export function endpointName(text: string): EndpointName {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = canonicalAddress(bracketed ?? plain ?? '');
  if (address !== undefined && Number(port) <= 65_535) return { address, port: Number(port) };
  throw new InvalidArgumentError('ADDRESS:PORT is wanted, such as 10.1.2.3:8080 or [2001:db8::1]:8080.');
}
