import { X509Certificate } from 'node:crypto';
import { createTicketSecret } from '../../../../lib/ticket-secret.ts';
import { describe, expect, it } from 'vitest';
import { AUTHORITY_LIFE_MS, createAuthority, issueServer } from '../../../../controller/trust/authority.ts';
import {
  fromSecretData,
  OVERLAP_MS,
  rotate,
  rotationStep,
  ticketSecretOf,
  toSecretData,
  trustBundle,
  type Authorities,
} from '../../../../controller/trust/rotation.ts';

const START = Date.UTC(2026, 0, 1);

describe('the authority of the control stream', () => {
  it('signs certificates that hold for the controllers’ name, and not for another', async () => {
    const authority = await createAuthority(START);
    const { certificate } = await issueServer(authority, 'evenkeel-controller', START);
    const leaf = new X509Certificate(certificate);
    const ca = new X509Certificate(authority.certificate);
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.checkIssued(ca)).toBe(true);
    expect(leaf.checkHost('evenkeel-controller')).toBe('evenkeel-controller');
    expect(leaf.checkHost('other')).toBeUndefined();
    expect([ca.ca, leaf.ca]).toEqual([true, false]);
  });

  it('is replaced in time, always trusted by everybody who meets it', async () => {
    let authorities: Authorities | undefined;
    const steps: string[] = [];
    /** What a proxy trusts that hears of changes 80 s late. */
    let late: { at: number; bundle: string }[] = [];
    for (let now = START; now < START + 2 * AUTHORITY_LIFE_MS; now += 60_000) {
      const step = rotationStep(authorities, now);
      if (step !== 'none') {
        steps.push(step);
        authorities = await rotate(authorities, step, () => createAuthority(now), now);
        late = [...late.slice(-1), { at: now, bundle: trustBundle(authorities) }];
      } else if (authorities?.next === undefined && authorities?.previous === undefined) {
        now += 86_400_000; // nothing happens for a long time
      }
      const heard = late.findLast(({ at }) => now - at >= 80_000) ?? late[0]!;
      expect(authoritiesIn(heard.bundle)).toContain(
        new X509Certificate(authorities!.current.certificate).serialNumber,
      );
    }
    expect(steps.slice(0, 7)).toEqual([
      'create',
      'prepare',
      'switch',
      'forget',
      'prepare',
      'switch',
      'forget',
    ]);
    expect(OVERLAP_MS).toBeGreaterThanOrEqual(10 * 60_000);
  });

  it('comes out of its Secret as it went in, and of an empty one not at all', async () => {
    const current = await createAuthority(START);
    const next = { ...(await createAuthority(START)), since: START };
    const previous = { certificate: current.certificate, since: START };
    for (const authorities of [{ current }, { current, next }, { current, previous }]) {
      expect(fromSecretData(toSecretData(authorities, undefined))).toEqual(authorities);
    }
    const tickets = createTicketSecret(START);
    expect(ticketSecretOf(toSecretData({ current }, tickets))).toEqual(tickets);
    expect(ticketSecretOf(toSecretData({ current }, undefined))).toBeUndefined();
    // Nobody should be able to guess what tickets are sealed with, and no secret is for ever.
    for (const damaged of [
      { ...tickets, secret: '' },
      { ...tickets, secret: 'c2hvcnQ=' },
      { ...tickets, since: Number.NaN },
    ]) {
      expect(ticketSecretOf(toSecretData({ current }, damaged))).toBeUndefined();
    }
    expect(fromSecretData(undefined)).toBeUndefined();
    expect(fromSecretData({ 'tls.crt': 'eA==' })).toBeUndefined();
  });
});

/** Serial numbers of what a reader of PEM finds: it takes a line at a time. */
function authoritiesIn(bundle: string): string[] {
  const blocks = bundle.match(/^-----BEGIN CERTIFICATE-----$[^]*?^-----END CERTIFICATE-----$/gm) ?? [];
  return blocks.map((block) => new X509Certificate(block).serialNumber);
}
