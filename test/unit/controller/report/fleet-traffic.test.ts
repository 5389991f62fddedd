import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { TrafficSchema, type Traffic } from '../../../../api/control_pb.ts';
import { FleetTraffic } from '../../../../controller/report/fleet-traffic.ts';

function said(...pools: readonly (readonly [string, number, number?])[]): Traffic {
  return create(TrafficSchema, {
    pools: pools.map(([pool, requests, failed = 0]) => ({ pool, requests, failed })),
  });
}

describe('traffic over all proxies', () => {
  const all = (fleet: FleetTraffic) => fleet.totals(['shop/a', 'shop/b'], ['one', 'two']);

  it('is what comes on top of what each proxy said first', () => {
    const fleet = new FleetTraffic();
    fleet.ingest('one', said(['shop/a', 1_000, 10], ['shop/b', 0]));
    fleet.ingest('two', said(['shop/a', 500], ['shop/b', 0]));
    fleet.ingest('one', said(['shop/a', 1_010, 12]));
    fleet.ingest('two', said(['shop/a', 505]));
    expect(all(fleet)).toEqual([
      { pool: 'shop/a', requests: 15, failed: 2 },
      { pool: 'shop/b', requests: 0, failed: 0 },
    ]);
  });

  it('is not spoilt by what is no number', () => {
    // J10
    const fleet = new FleetTraffic();
    fleet.ingest('one', said(['shop/a', 1]));
    fleet.ingest('one', said(['shop/a', NaN], ['shop/b', Infinity, -Infinity]));
    fleet.ingest('one', said(['shop/a', 4], ['shop/b', 2]));
    expect(all(fleet)).toEqual([
      { pool: 'shop/a', requests: 3, failed: 0 },
      { pool: 'shop/b', requests: 2, failed: 0 },
    ]);
  });

  it('counts all of a pool that a proxy has got since', () => {
    const fleet = new FleetTraffic();
    fleet.ingest('one', said(['shop/a', 1_000]));
    fleet.ingest('one', said(['shop/b', 7]));
    expect(all(fleet)[1]).toEqual({ pool: 'shop/b', requests: 7, failed: 0 });
  });

  it('never goes back, whatever a proxy that began anew says', () => {
    const fleet = new FleetTraffic();
    fleet.ingest('one', said(['shop/a', 1_000]));
    fleet.ingest('one', said(['shop/a', 1_100]));
    fleet.ingest('one', said(['shop/a', 5]));
    fleet.ingest('one', said(['shop/a', 8]));
    expect(all(fleet)[0]).toMatchObject({ requests: 103 });
  });

  it('forgets pools and proxies that are gone', () => {
    const fleet = new FleetTraffic();
    fleet.ingest('one', said(['shop/a', 0]));
    fleet.ingest('one', said(['shop/a', 10]));
    expect(fleet.totals([], ['two'])).toEqual([]);
    fleet.ingest('one', said(['shop/a', 90]));
    expect(all(fleet)[0]).toMatchObject({ requests: 0 });
  });
});
