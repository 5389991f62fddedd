import { describe, expect, it } from 'vitest';
import type { BackendTLS, ListenerTLS, PoolSnapshot, ServerCertificate } from '../../../api/snapshot.ts';
import { keepResolved, servable, unresolvedOf } from '../../../api/unresolved.ts';
import { poolSnapshot } from '../../support/builders.ts';

type Terminate = Extract<ListenerTLS, { mode: 'Terminate' }>;

const certificate = (secret: string, chain = secret): ServerCertificate => ({
  secret,
  chain,
  privateKey: `key of ${chain}`,
  names: [`${secret}.example.com`],
  keyType: 'ECDSA',
  notAfter: 0,
});

function withListener(tls: Partial<Terminate>): PoolSnapshot {
  const { config, ...rest } = poolSnapshot({});
  const whole: Terminate = {
    mode: 'Terminate',
    minVersion: '1.2',
    cipherPolicy: 'Modern',
    certificates: [],
    ...tls,
  };
  return { ...rest, config: { ...config, listeners: [{ ...config.listeners[0]!, tls: whole }] } };
}

function withBackend(tls: BackendTLS): PoolSnapshot {
  const { config, ...rest } = poolSnapshot({});
  return { ...rest, config: { ...config, backends: [{ ...config.backends[0]!, tls }] } };
}

const listenerTls = ({ config }: PoolSnapshot): ListenerTLS | undefined => config.listeners[0]!.tls;
const backendTls = ({ config }: PoolSnapshot): BackendTLS | undefined => config.backends[0]!.tls;

describe('what a controller has never read', () => {
  it('changes nothing where there is none of it', () => {
    const next = withListener({ certificates: [certificate('a')] });
    expect(keepResolved(next, withListener({ certificates: [certificate('b')] }))).toBe(next);
    expect(servable(next)).toBe(next);
    expect(unresolvedOf(next.config)).toEqual([]);
  });

  it('is kept as it was served, beside what is renewed, new or gone', () => {
    const before = withListener({ certificates: [certificate('a'), certificate('gone'), certificate('b')] });
    const next = withListener({
      certificates: [certificate('b', 'b renewed'), certificate('new')],
      unresolved: ['a', 'never'],
    });
    expect(unresolvedOf(next.config)).toEqual(['Secret/a', 'Secret/never']);
    expect(listenerTls(keepResolved(next, before))).toMatchObject({
      certificates: [{ chain: 'a' }, { chain: 'b renewed' }, { chain: 'new' }],
      unresolved: ['never'],
    });
  });

  it('is kept of the CAs of clients as a whole, and who cannot be checked is not let in', () => {
    const before = withListener({
      certificates: [certificate('a')],
      clientValidation: { mode: 'Required', ca: 'two CAs' },
    });
    const next = withListener({
      certificates: [],
      unresolved: ['a'],
      clientValidation: { mode: 'Required', ca: '', unresolved: ['ConfigMap/clients'] },
    });
    expect(listenerTls(keepResolved(next, before))).toEqual(listenerTls(before));
    const unchecked = withListener({ certificates: [certificate('a')] });
    expect(listenerTls(keepResolved(next, unchecked))).toEqual(listenerTls(next));
  });

  it('is kept of a backend when all that it lacks was there; else nobody speaks to it', () => {
    const whole: BackendTLS = {
      mode: 'Verify',
      ca: 'its CA',
      clientCertificate: { chain: 'c', privateKey: 'k' },
    };
    const next = withBackend({
      mode: 'Verify',
      serverName: 'new.example.com',
      unresolved: { ca: 'ConfigMap/ca', clientCertificate: 'Secret/client' },
    });
    const kept = keepResolved(next, withBackend(whole));
    expect(backendTls(kept)).toEqual({ ...whole, serverName: 'new.example.com' });
    expect(servable(kept)).toBe(kept);

    const half = keepResolved(next, withBackend({ mode: 'Verify', ca: 'its CA' }));
    expect(unresolvedOf(half.config)).toEqual(['ConfigMap/ca', 'Secret/client']);
    const name = half.config.backends[0]!.name;
    expect(half.endpoints[name]).not.toEqual([]);
    expect(servable(half).endpoints[name]).toEqual([]);
  });
});
