import { create } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { HelloSchema } from '../../../../api/control_pb.ts';
import type { Fleet } from '../../../../controller/push/fleet.ts';
import type { ControlServerStream } from '../../../../controller/push/session.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { quietFleet } from '../../../support/quiet-fleet.ts';

describe('what a proxy says of itself', () => {
  let fleet: Fleet;

  beforeEach(() => {
    fleet = quietFleet(new FakeClock());
  });

  const join = (proxy: string, said: { epoch?: number; newest?: Record<string, string> }): void => {
    const stream = { write: () => true, end: () => undefined } as unknown as ControlServerStream;
    fleet.join(stream, create(HelloSchema, { proxy, ...said }));
  };

  it('raises the epoch, but not to one that no leader could go on from', () => {
    // J10
    join('one', { epoch: 7 });
    join('two', { epoch: 2 ** 32 - 1 });
    join('three', { epoch: 2 ** 31 - 1 });
    expect(fleet.highestEpoch()).toBe(7);
  });

  it('counts only where it can be true: a leader is not kept from leading', () => {
    // J10
    join('one', { newest: { pools: '12', services: 'rubbish', slices: '', pods: '-3' } });
    expect(fleet.views().map(({ newest }) => newest)).toEqual([{ pools: '12' }]);
  });
});
