import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeToProxy, type ToProxyBody } from '../../../api/control.ts';
import { encodeUpdate } from '../../../api/pool-update.ts';
import { Applier, type Answer } from '../../../proxy/sync/applier.ts';
import { CrashGuard, PROVING_MS } from '../../../proxy/sync/crash-guard.ts';
import { SnapshotDisk } from '../../../proxy/sync/snapshot-disk.ts';
import { poolSnapshot } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingSink } from '../../support/recording-sink.ts';

interface Life {
  readonly sink: RecordingSink;
  readonly applier: Applier;
  readonly guard: CrashGuard;
  readonly clock: FakeClock;
  readonly logged: string[];
  readonly push: (uid: string, digest: string, epoch?: number) => Promise<Answer | undefined>;
}

describe('the last good snapshot', () => {
  let dir: string;
  /** Of every life: a process that was killed would have closed its files. */
  const guards: CrashGuard[] = [];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'evenkeel-disk-'));
  });

  afterEach(async () => {
    for (const guard of guards.splice(0)) await guard.close();
    await rm(dir, { recursive: true });
  });

  /** A proxy process, from its start until the test goes on to the next; without `close` it was killed. */
  const life = async (): Promise<Life> => {
    const clock = new FakeClock();
    const sink = new RecordingSink();
    const logged: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
    const guard = new CrashGuard(dir, clock);
    guards.push(guard);
    await guard.open();
    let answered: Answer | undefined;
    const applier = new Applier({
      sink,
      disk: new SnapshotDisk(dir),
      guard,
      clock,
      log,
      answer: (answer) => (answered = answer),
      onApplied: () => undefined,
      onReady: () => undefined,
    });
    const push = async (uid: string, digest: string, epoch = 1): Promise<Answer | undefined> => {
      answered = undefined;
      applier.receive(update(uid, digest, epoch));
      await applier.settled();
      return answered;
    };
    return { sink, applier, guard, clock, logged, push };
  };
  const update = (uid: string, digest: string, epoch: number): ToProxyBody =>
    decodeToProxy(encodeUpdate(poolSnapshot({ uid, digest }), { epoch, newest: { pools: '5' } }))!;
  /** Long enough for everything that was applied to be trusted, and saved. */
  const prove = async ({ clock, applier }: Life): Promise<void> => {
    clock.advance(PROVING_MS + 1);
    await applier.settled();
    clock.advance(1_000);
    await eventually('saved', async () => (await readdir(dir)).some((file) => file.endsWith('.pool')));
    await eventually('proven', async () => !(await readdir(dir)).includes('trying.json'));
  };

  it('is served by the next life when no controller answers', async () => {
    // I11
    const first = await life();
    await first.push('a', 'a1');
    await first.push('b', 'b1');
    await prove(first);
    const second = await life();
    await second.applier.restore();
    expect([...second.sink.serving.keys()].sort()).toEqual(['a', 'b']);
    expect(second.applier.ready).toBe(true);
    expect(second.applier.newest).toEqual({ pools: '5' });
    expect(second.logged.join()).toContain('no controller answers');
  });

  it('is not served when a leader was there first', async () => {
    const first = await life();
    await first.push('old', 'o1');
    await prove(first);
    const second = await life();
    await second.push('a', 'a1', 2);
    second.applier.receive({ case: 'syncEnd', value: { epoch: 2, uids: ['a'] } as never });
    await second.applier.restore();
    expect([...second.sink.serving.keys()]).toEqual(['a']);
  });

  it('can be read by its owner alone', async () => {
    const { applier, push } = await life();
    await push('a', 'a1');
    await applier.close();
    for (const file of await readdir(dir)) expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600);
  });

  it.each<[string, (content: string) => string]>([
    ['a flipped bit', (content) => content.replace('"name":"pool"', '"name":"poom"')],
    ['a missing end', (content) => content.slice(0, -20)],
    ['a missing checksum', (content) => content.slice(content.indexOf('\n'))],
    ['nothing in it', () => ''],
  ])('is rejected, and that is said, with %s', async (_, damage) => {
    // I11
    const first = await life();
    await first.push('a', 'a1');
    await first.push('b', 'b1');
    await first.applier.close();
    const victim = (await readdir(dir)).find((file) => file.endsWith('.pool'));
    const content = await readFile(join(dir, victim!), 'utf8');
    await writeFile(join(dir, victim!), damage(content));
    const second = await life();
    await second.applier.restore();
    expect(second.sink.serving.size).toBe(1);
    expect(second.logged.join()).toContain('saved snapshot rejected');
  });

  it('is served also where nothing can be saved any more, and that is said', async () => {
    // F15
    const only = await life();
    await only.push('a', 'a1');
    // Writing fails from here on, for root, too.
    await rm(dir, { recursive: true });
    await writeFile(dir, '');
    expect(await only.push('a', 'a2')).toMatchObject({ case: 'ack' });
    expect(only.sink.serving.get('a')?.digest).toBe('a2');
    only.clock.advance(PROVING_MS + 1);
    await only.applier.settled();
    await eventually('it is said', () => only.logged.join().includes('cannot save snapshots'));
    expect(await only.push('b', 'b1')).toMatchObject({ case: 'ack' });
  });

  it('stays out of reach of pools that have gone', async () => {
    const { applier, push } = await life();
    await push('a', 'a1');
    await push('b', 'b1');
    await applier.close();
    const second = await life();
    await second.applier.restore();
    second.applier.receive({ case: 'removal', value: { epoch: 1, uid: 'a' } as never });
    await second.applier.settled();
    const third = await life();
    await third.applier.restore();
    expect([...third.sink.serving.keys()]).toEqual(['b']);
  });

  it('is the one before when a proxy dies within 10 s of an apply, which is tried once more, and not again', async () => {
    const first = await life();
    await first.push('a', 'a1');
    await prove(first);
    await first.push('a', 'a2');
    first.clock.advance(PROVING_MS / 2); // and then it is killed, whatever for
    const innocent = await life();
    await innocent.applier.restore();
    expect(innocent.sink.serving.get('a')!.digest).toBe('a1');
    expect(await innocent.push('a', 'a2')).toMatchObject({ case: 'ack' });
    innocent.clock.advance(PROVING_MS / 2); // and then it dies of it, as it seems
    const second = await life();
    await second.applier.restore();
    expect(second.sink.serving.get('a')!.digest).toBe('a1');
    expect(await second.push('a', 'a2')).toMatchObject({
      case: 'nack',
      value: { digest: 'a2', faults: [{ message: expect.stringContaining('died') as string }] },
    });
    expect(second.sink.history).toEqual(['a1']);
    const third = await life(); // still known, although the second life was killed too
    expect(await third.push('a', 'a2')).toMatchObject({ case: 'nack' });
    expect(await third.push('a', 'a3')).toMatchObject({ case: 'ack' });
  });

  it('finds the one that killed it among several that were applied together', async () => {
    const first = await life();
    for (const uid of ['a', 'b', 'c']) first.applier.receive(update(uid, `${uid}1`, 1));
    await first.applier.settled();
    expect(first.sink.batches).toEqual([1, 2]); // and then it dies
    const second = await life();
    for (const uid of ['a', 'c', 'b']) second.applier.receive(update(uid, `${uid}1`, 1));
    await second.applier.settled();
    expect(second.sink.batches).toEqual([1, 1, 1]); // and dies of the last
    const third = await life();
    expect(await third.push('a', 'a1')).toMatchObject({ case: 'ack' });
    expect(await third.push('b', 'b1')).toMatchObject({ case: 'nack' });
    expect(await third.push('c', 'c1')).toMatchObject({ case: 'ack' });
  });

  it('is noted before each apply without a new file, which a busy disk could hold up', async () => {
    // R8: a proxy whose state was on a disk applied one change a second
    const one = await life();
    await one.push('a', 'a1');
    const { ino } = await stat(join(dir, 'trying.json'));
    for (const uid of ['a-longer-one', 'b', 'c']) one.applier.receive(update(uid, `${uid}1`, 1));
    await one.applier.settled();
    await one.push('a', 'a2'); // a shorter line than the one before
    expect((await stat(join(dir, 'trying.json'))).ino).toBe(ino);
    expect((await readdir(dir)).filter((file) => file.endsWith('.tmp'))).toEqual([]);
    const two = await life();
    await two.push('a', 'a2');
    const three = await life();
    expect(await three.push('a', 'a2')).toMatchObject({ case: 'nack' });
    expect(await three.push('b', 'b1')).toMatchObject({ case: 'ack' });
  });

  it('is not held guilty of an orderly end', async () => {
    const first = await life();
    await first.push('a', 'a1');
    await first.applier.close();
    const second = await life();
    await second.applier.restore();
    expect(second.sink.serving.get('a')!.digest).toBe('a1');
  });

  it('is saved within 20 s even when there is a change every second', async () => {
    const one = await life();
    for (let i = 0; i < 22; i += 1) {
      await one.push('a', `a${i}`);
      one.clock.advance(1_000);
    }
    await eventually('saved', async () => (await readdir(dir)).some((file) => file.endsWith('.pool')));
    const two = await life();
    await two.applier.restore();
    const [digest] = two.sink.history;
    expect(Number(digest!.slice(1))).toBeGreaterThanOrEqual(0);
    expect(Number(digest!.slice(1))).toBeLessThan(12);
  });

  it('keeps the epoch, so that a deposed leader cannot change it after a restart', async () => {
    // I02
    const first = await life();
    await first.push('a', 'a1', 7);
    await first.applier.close();
    const second = await life();
    await second.applier.restore();
    expect(await second.push('a', 'a2', 6)).toMatchObject({ case: 'nack', value: { epoch: 7 } });
  });
});
