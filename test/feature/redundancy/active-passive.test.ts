import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { MemoryObjects, probesOf, standBy, type Peers, type StandBy } from '../../support/redundancy.ts';

describe('several proxies, of which one is active', () => {
  let store: MemoryObjects;
  let peers: Peers;
  let all: StandBy[];

  beforeEach(() => {
    store = new MemoryObjects();
    peers = new Map();
    all = [];
  });
  afterEach(async () => {
    for (const { redundancy } of all) await redundancy.release();
  });

  const proxy = (name: string): StandBy => {
    const made = standBy(name, store.view(), peers);
    all.push(made);
    return made;
  };
  const active = async (wanted: StandBy, name: string): Promise<void> => {
    await eventually(`${name} is active`, () => wanted.redundancy.active && store.target === name);
  };

  it('are one that is active and others that are not, whoever comes', async () => {
    const a = proxy('a');
    await active(a, 'a');
    const others = [proxy('b'), proxy('c')];
    await sleep(600); // longer than the lease: it is renewed
    expect(all.map(({ redundancy }) => redundancy.active)).toEqual([true, false, false]);
    expect(store.lease).toMatchObject({ holderIdentity: 'a', leaseTransitions: 1 });
    expect(others.flatMap(({ redundancy }) => [...redundancy.takeovers])).toEqual([]);
  });

  it('hand over when the active one leaves, and it serves until another has taken over', async () => {
    const a = proxy('a');
    await active(a, 'a');
    const b = proxy('b');
    await a.redundancy.release();
    expect(store.target).toBe('a'); // nobody is cut off before there is another
    await active(b, 'b');
    expect([...b.redundancy.takeovers]).toEqual([['Released', 1]]);
    expect(b.redundancy.lastTakeover).toBeGreaterThan(0);
  });

  it('let go again when the API server did not answer the first time', async () => {
    const a = proxy('a');
    await active(a, 'a');
    a.objects.lost = 2;
    await a.redundancy.release();
    expect(store.lease.holderIdentity).toBe('');
  });

  it.each(['refused', 'silent'] as const)('take over from one that does not live: %s', async (answer) => {
    const a = proxy('a');
    await active(a, 'a');
    const b = proxy('b');
    await eventually('b has seen the lease', () => store.lease.holderIdentity === 'a');
    a.objects.cut = true; // dead processes renew nothing
    peers.set(probesOf('a'), answer);
    await active(b, 'b');
    expect([...b.redundancy.takeovers]).toEqual([['Unreachable', 1]]);
  });

  it('take over from one that cannot renew', async () => {
    const a = proxy('a');
    await active(a, 'a');
    const b = proxy('b');
    a.objects.cut = true;
    await active(b, 'b');
    expect([...b.redundancy.takeovers]).toEqual([['Expired', 1]]);
    a.objects.cut = false;
    await eventually('a knows', () => !a.redundancy.active);
    await sleep(100);
    expect(store.target).toBe('b'); // who was active before does not come back
  });

  it('stay who they are while the API server is away, and for a lease after that', async () => {
    const a = proxy('a');
    await active(a, 'a');
    const b = proxy('b');
    await eventually('b has seen it', () => store.lease.holderIdentity === 'a');
    a.objects.cut = true;
    b.objects.cut = true;
    await sleep(1_000);
    expect(a.redundancy.active).toBe(true);
    b.objects.cut = false; // b is back first
    await sleep(150);
    a.objects.cut = false;
    await sleep(600);
    expect([a.redundancy.active, b.redundancy.active]).toEqual([true, false]);
    expect(store.lease.leaseTransitions).toBe(1);
  });

  it('let one that is not ready neither become nor stay active', async () => {
    const a = proxy('a');
    a.ready = false;
    await sleep(100);
    expect(store.lease.holderIdentity).toBeUndefined();
    a.ready = true;
    await active(a, 'a');
    a.ready = false;
    await eventually('it lets go', () => store.lease.holderIdentity === '');
    expect(a.redundancy.active).toBe(false);
  });

  it('follow the ports of the active one', async () => {
    const a = proxy('a');
    await active(a, 'a');
    a.listeners.push({ protocol: 'HTTP', port: 8080 });
    a.redundancy.portsChanged();
    await eventually('the port is there', () => store.ports.length === 2);
  });
});
