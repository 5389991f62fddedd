import { describe, expect, it } from 'vitest';
import { nextMove, type LeaseView } from '../../../../proxy/redundancy/next-move.ts';

const OTHER: LeaseView = {
  spec: { holderIdentity: 'other', leaseDurationSeconds: 3 },
  unchangedMs: 100,
  leaseMs: 3_000,
  identity: 'me',
  ready: true,
  holderIsDead: false,
};
const MINE = { ...OTHER, spec: { holderIdentity: 'me', leaseDurationSeconds: 3 } };

describe('the next move of a proxy', () => {
  it.each([
    ['waits while the active one renews', OTHER, { kind: 'wait' }],
    ['takes what was let go', { ...OTHER, spec: { holderIdentity: '' } }, { kind: 'take', why: 'Released' }],
    ['takes what nobody ever had', { ...OTHER, spec: {} }, { kind: 'take', why: 'Released' }],
    [
      'takes over from one that does not live',
      { ...OTHER, holderIsDead: true },
      { kind: 'take', why: 'Unreachable' },
    ],
    [
      'takes over from one that does not renew',
      { ...OTHER, unchangedMs: 3_001 },
      { kind: 'take', why: 'Expired' },
    ],
    ['waits until the lease is over', { ...OTHER, unchangedMs: 3_000 }, { kind: 'wait' }],
    ['takes nothing that it could not serve', { ...OTHER, spec: {}, ready: false }, { kind: 'wait' }],
    [
      'keeps what it has, however long the API server was away',
      { ...MINE, unchangedMs: 60_000 },
      { kind: 'renew' },
    ],
    ['keeps what it has, whatever others say', { ...MINE, holderIsDead: true }, { kind: 'renew' }],
    ['lets go when it cannot serve', { ...MINE, ready: false }, { kind: 'release' }],
  ] as const)('%s', (_, view, move) => {
    expect(nextMove(view)).toEqual(move);
  });
});
