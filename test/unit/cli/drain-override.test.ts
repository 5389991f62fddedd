import { describe, expect, it } from 'vitest';
import type { EndpointOverride } from '../../../api/pool.gen.ts';
import { addDrain, overrideName, removeDrain } from '../../../cli/sources/drain-override.ts';
import { endpoint } from '../../support/builders.ts';

const POD = endpoint({ address: '10.1.0.1', port: 8080, podName: 'shop-1', targetUid: 'u1' });
const STATIC = endpoint({ address: '2001:db8::1', port: 80 });
const MINE: EndpointOverride = {
  name: 'maintenance',
  target: { type: 'Address', address: { address: '10.1.0.1' } },
  state: 'Exclude',
};

function changed(change: ReturnType<typeof addDrain>): readonly EndpointOverride[] {
  if (change.kind === 'nothing') throw new Error(change.because);
  return change.overrides;
}

describe('addDrain', () => {
  it('means a pod by its uid and a Static endpoint by its address, after what is there', () => {
    const [mine, pod, fixed] = changed(addDrain(changed(addDrain([MINE], POD)), STATIC));
    expect(mine).toBe(MINE);
    expect(pod).toEqual({
      name: 'drain-10-1-0-1-8080',
      target: { type: 'Pod', pod: { name: 'shop-1', uid: 'u1' } },
      state: 'Drain',
    });
    expect(fixed).toEqual({
      name: 'drain-2001-db8--1-80',
      target: { type: 'Address', address: { address: '2001:db8::1', port: 80 } },
      state: 'Drain',
    });
  });

  it('has nothing to do when the endpoint is drained already', () => {
    expect(addDrain(changed(addDrain([], POD)), POD).kind).toBe('nothing');
  });

  it('replaces the entry of an earlier pod on the same address', () => {
    const before = changed(addDrain([], POD));
    const after = changed(addDrain(before, { ...POD, podName: 'shop-2', targetUid: 'u2' }));
    expect(after).toHaveLength(1);
    expect(after[0]?.target.pod?.uid).toBe('u2');
  });

  it('makes names that the resource allows, also of the longest address', () => {
    const name = overrideName('2001:db8:1111:2222:3333:4444:5555:6666', 65_535);
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    expect(name.length).toBeLessThanOrEqual(63);
  });
});

describe('removeDrain', () => {
  it('removes what addDrain made, by the address alone', () => {
    expect(changed(removeDrain(changed(addDrain([MINE], POD)), '10.1.0.1', 8080))).toEqual([MINE]);
  });

  it('leaves what a person wrote, and names it', () => {
    expect(removeDrain([MINE], '10.1.0.1', 8080)).toEqual({
      kind: 'nothing',
      because: 'maintenance in spec.endpointOverrides holds it, which this command did not write',
    });
  });
});
