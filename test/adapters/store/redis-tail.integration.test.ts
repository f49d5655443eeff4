import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { commitHead } from '../../../src/adapters/store/commit-arguments.ts';
import { outcomeOf, wordsOf } from '../../../src/adapters/store/kept-commits.ts';
import { createRedisStore } from '../../../src/adapters/store/redis-store.ts';
import { withStoreScripts } from '../../../src/adapters/store/store-scripts.ts';
import { lostCommits } from '../../../src/core/chain/lost-commits.ts';
import { SHAPES } from '../../../src/core/model/schema.ts';
import type { Commit, RecordKey } from '../../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../../src/engine/publish.ts';
import { embeddedServer } from '../../support/embedded-server.ts';
import { waitFor } from '../../support/processes.ts';
import { quiet } from '../../support/quiet-logger.ts';

/** Events have ids by the clock, so this is behind all that a commit of today can be given. */
const FAR_AHEAD = '9999999999999-0';

describe('what the store has lost is written again', () => {
  let server: Awaited<ReturnType<typeof embeddedServer>>;
  beforeAll(async () => {
    server = await embeddedServer();
  }, 20_000);
  afterAll(() => server.stop(), 20_000);

  it('as it was, ids of events and all', async () => {
    const { store, raw, prefix, lost, replay } = await loss('whole');
    const { commits, freeze } = await lost();
    expect(await replay(commits, freeze)).toMatchObject({ kind: 'written' });
    expect(await ids(raw, `${prefix}:events:b`)).toEqual(commits.flatMap((one) => outcomeOf(one).eventIds).slice(1));
    expect(await raw.hget(`${prefix}:head`, 'hash')).toBe(store.tail.kept().at(-1)?.hash);
  });

  it('not at all where somebody has put a later event among those of a rollout', async () => {
    // given commits on a, then on b, and a later event of b
    const { raw, prefix, lost, replay, everything } = await loss('foreign');
    const { commits, freeze } = await lost();
    await raw.xadd(`${prefix}:events:b`, FAR_AHEAD, 'e', '{}');
    const before = await everything();
    // when, then: nothing is written, that of a neither
    expect(await replay(commits, freeze)).toEqual({ kind: 'conflict', n: 3, key: 'events/b' });
    expect(await everything()).toEqual(before);
    // and that it is taken out again is not enough, since its id stays taken
    await raw.xdel(`${prefix}:events:b`, FAR_AHEAD);
    expect(await replay(commits, freeze)).toMatchObject({ kind: 'conflict', key: 'events/b' });
    // until the stream is what it was
    await raw.del(`${prefix}:events:b`);
    expect(await replay(commits, freeze)).toMatchObject({ kind: 'written' });
  });

  it('not where what should be events is something else', async () => {
    const { raw, prefix, lost, replay, everything } = await loss('damaged');
    const { commits, freeze } = await lost();
    await raw.set(`${prefix}:events:b`, 'no stream');
    const before = await everything();
    expect(await replay(commits, freeze)).toEqual({ kind: 'conflict', n: 3, key: 'events/b' });
    expect(await everything()).toEqual(before);
  });

  it('not when the later event comes between the look and the write', async () => {
    const { raw, prefix, lost, everything } = await loss('late');
    const { commits } = await lost();
    const [commit] = commits;
    if (commit === undefined) throw new Error('nothing was lost');
    await raw.xadd(`${prefix}:events:a`, FAR_AHEAD, 'e', '{}');
    const before = await everything();
    const again = { frozen: (await raw.get(`${prefix}:frozen`)) ?? '', commit, ...outcomeOf(commit) };
    const head = commitHead(commit.nonce, commit.content, ['', '0', '', ''], SHAPES, { again });
    const reply = await withStoreScripts(raw).serinCommit(`${prefix}:`, ...head, ...wordsOf(commit.content));
    expect(reply).toEqual(['conflict', 'events/a']);
    expect(await everything()).toEqual(before);
  });

  /** A store that has taken a commit on rollout a, then lost one on each of a and b. */
  async function loss(name: string) {
    const prefix = `{${name}}`;
    const raw = new Redis({ path: server.socketPath });
    const store = createRedisStore({ connection: { socketPath: server.socketPath }, prefix, logger: quiet });
    const following = await store.tail.follow();
    onTestFinished(async () => {
      await following.stop();
      store.close();
      raw.disconnect();
    });
    const keys = async () => (await raw.keys(`${prefix}:*`)).sort();
    const everything = async () =>
      Promise.all((await keys()).map(async (key) => [key, (await raw.dumpBuffer(key)).toString('hex')]));
    const commit = async (change: Commit) => expect((await store.records.commit(change)).kind).toBe('committed');
    await commit(eventOf('a', 0));
    const kept = await Promise.all((await keys()).map(async (key) => [key, await raw.dumpBuffer(key)] as const));
    await commit(eventOf('a', 1));
    await commit(eventOf('b', 0));
    await waitFor(() => store.tail.kept().at(-1)?.n === 3, { what: 'three kept commits' });
    await raw.del(await keys());
    for (const [key, bytes] of kept) await raw.restore(key, 0, bytes);
    const lost = async () => {
      const looked = await store.lineage.look();
      const history = await store.tail.history(0);
      if (looked.kind !== 'ok' || looked.value.frozen === null || history.kind !== 'ok') throw new Error('not frozen');
      const found = lostCommits(history.value, store.tail.kept(), 3);
      if (found.kind !== 'found') throw new Error(found.kind);
      return { commits: found.commits, freeze: looked.value.frozen };
    };
    type Lost = Awaited<ReturnType<typeof lost>>;
    const replay = async (commits: Lost['commits'], freeze: Lost['freeze']) => {
      const end = commits.at(-1);
      if (end === undefined) throw new Error('nothing was lost');
      return store.tail.writeAgain(commits, end, freeze);
    };
    return { store, raw, prefix, lost, replay, everything };
  }
});

async function ids(raw: Redis, key: string): Promise<string[]> {
  return (await raw.xrange(key, '-', '+')).map(([id]) => id);
}

function eventOf(id: string, rev: number): Commit {
  const key: RecordKey = `rollout/${id}`;
  const event = { type: 'step', atMs: 1, by: 'serin', phase: 'stepping', step: rev, message: 'on', data: {} } as const;
  return {
    ...EMPTY_COMMIT,
    reads: [{ key, rev }],
    writes: [{ key, body: { id, rev } }],
    events: [{ rolloutId: id, ...event }],
  };
}
