import { expect, it } from 'vitest';
import type { SeriesPoint } from '../../src/core/analysis/verdict-series.ts';
import type { Judgement } from '../../src/core/rollout/judgement.ts';
import { judgementKey, verdictsKey } from '../../src/engine/load.ts';
import type { RecordKey } from '../../src/engine/ports/store.ts';
import { transitionCommit } from '../../src/engine/publish.ts';
import { listVerdicts, remember } from '../../src/engine/verdicts.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { quietTransition } from '../support/rollouts.ts';

const look = (atMs: number, late = 0): SeriesPoint => ({
  ...{ atMs, step: 0, weight: 500, decision: 'hold', metrics: [], missing: null },
  ...(late === 0 ? {} : { late }),
});
const memory = (n: number): Judgement => ({ judge: 'serin', state: { n } });

function scene() {
  const store = fakeStore(fakeClock());
  const transition = quietTransition();
  const { id } = transition.rollout;
  const read = async (key: RecordKey) => {
    const answer = await store.records.read([key]);
    const record = answer.kind === 'ok' ? answer.value[0] : undefined;
    return { rev: record?.rev ?? 0, body: (record?.body ?? null) as never };
  };
  const written: RecordKey[][] = [];
  let rev = 0;
  return {
    ...{ store, id, written },
    read,
    /** One look, as an engine that has nothing but the store commits it. Returns what it counts as late. */
    looks: async (point: SeriesPoint | null, judgement: Judgement | null) => {
      const before = { key: judgementKey(id), ...(await read(judgementKey(id))) };
      const remembered = await remember(store.records, { ...transition, judgement, point }, before);
      const commit = transitionCommit(transition, { rollout: rev, backend: 0, remembered }, false);
      expect((await store.records.commit(commit)).kind).toBe('committed');
      written.push(commit.writes.map(({ key }) => key));
      rev += 1;
      return remembered.late;
    },
    listed: async () => {
      const listed = await listVerdicts(store.records, id);
      return listed.kind === 'ok' ? listed.value.map(({ atMs }) => atMs) : listed.errors;
    },
  };
}

it('every look is listed at once, in order, and the series is written with few of them', async () => {
  const { looks, listed, written, id } = scene();
  for (let i = 1; i <= 20; i += 1) {
    await looks(look(i), memory(i));
    expect(await listed()).toEqual(Array.from({ length: i }, (_, k) => k + 1));
  }
  expect(written.filter((keys) => keys.includes(verdictsKey(id)))).toHaveLength(2);
});

it('a look without a conclusion keeps those before it, and what the judge remembers now', async () => {
  const { looks, listed, read, id } = scene();
  await looks(look(1), memory(1));
  await looks(null, memory(2));
  expect(await listed()).toEqual([1]);
  expect((await read(judgementKey(id))).body).toEqual({ ...memory(2), recent: [look(1)] });
});

it('a judge that remembers nothing, or what it remembered before, has its conclusions kept all the same', async () => {
  const { looks, listed, read, id } = scene();
  await looks(look(1), null);
  expect((await read(judgementKey(id))).body).toEqual({ judge: '', state: {}, recent: [look(1)] });
  await looks(look(2), memory(2));
  // when: what it saw is held against nobody
  await looks(look(3), null);
  expect(await listed()).toEqual([1, 2, 3]);
  expect((await read(judgementKey(id))).body).toMatchObject(memory(2));
});

it('what came too late is counted once, also over the moment at which looks join the series', async () => {
  const { looks } = scene();
  const late: number[] = [];
  for (let i = 1; i <= 12; i += 1) late.push(await looks(look(i, 2 * i), memory(i)));
  expect(late).toEqual(Array.from({ length: 12 }, () => 2));
});

it('goes on after a series that an older version wrote with every look', async () => {
  const { store, looks, listed, id } = scene();
  const key = verdictsKey(id);
  // given
  await store.records.commit({
    ...transitionCommit(quietTransition(), { rollout: 0, backend: 0 }, false),
    reads: [{ key, rev: 0 }],
    writes: [{ key, body: { points: [look(1, 3)] } }],
  });
  // then
  expect(await looks(look(2, 5), memory(1))).toBe(2);
  expect(await listed()).toEqual([1, 2]);
});

it('F4: a store that does not answer keeps no look from being committed, and loses no more than that look', async () => {
  const { store } = scene();
  const recent = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => look(i));
  const before = { key: judgementKey('r'), rev: 8, body: { ...memory(8), recent } };
  const away = { ...store.records, read: async () => ({ kind: 'unavailable', detail: 'away' }) as const };
  const remembered = await remember(away, { ...quietTransition(), judgement: memory(9), point: look(9, 2) }, before);
  expect(remembered).toEqual({ judgement: { rev: 8, body: { ...memory(9), recent } }, series: null, late: 0 });
  // then: what came too late is counted by the next look
  const next = await remember(
    store.records,
    { ...quietTransition(), judgement: memory(10), point: look(10, 2) },
    { ...before, rev: 9 },
  );
  expect(next).toMatchObject({ judgement: { body: { recent: [look(10, 2)] } }, series: { points: recent }, late: 2 });
});
