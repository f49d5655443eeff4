import { describe, expect, it } from 'vitest';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { RETENTION_SUBJECT, sweepRetention } from '../../src/engine/retention.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { quiet } from '../support/quiet-logger.ts';
import { rollout } from '../support/rollouts.ts';

const DAY_MS = 24 * 3_600_000;

function stage(settings: { readonly ageMs?: number; readonly rollouts?: number } = {}) {
  const clock = fakeClock();
  const store = fakeStore(clock);
  const sweep = () =>
    sweepRetention({
      ...store,
      clock,
      logger: quiet,
      settings: {
        rolloutAgeMs: settings.ageMs ?? 90 * DAY_MS,
        rollouts: settings.rollouts ?? 100,
        auditAgeMs: 30 * DAY_MS,
        auditEntries: 3,
      },
    });
  return {
    clock,
    store,
    sweep,
    put: async (id: string, fields: Partial<Rollout>) => {
      const record = rollout({ id, createdAtMs: clock.now(), updatedAtMs: clock.now(), ...fields });
      const key = `rollout/${id}` as const;
      const done = await store.records.commit({
        ...EMPTY_COMMIT,
        reads: [{ key, rev: 0 }],
        writes: [{ key, body: record }],
        active:
          fields.phase === 'stepping' ? [{ rolloutId: id, phase: 'stepping', evidenceAtMs: null, blind: false }] : [],
      });
      expect(done.kind).toBe('committed');
    },
    kept: async () => {
      const read = await store.records.list('rollout/', { limit: 1_000, cursor: null });
      return read.kind === 'ok' ? read.value.records.map(({ key }) => key.slice('rollout/'.length)).toReversed() : [];
    },
  };
}

describe('retention', () => {
  it('lets go of what ended long ago, and of nothing that has not ended', async () => {
    const { clock, put, kept, sweep } = stage();
    await put('old', { phase: 'promoted' });
    await put('running', { phase: 'stepping', step: 0 });
    await put('looked-after', { phase: 'rolled_back', aftercare: 'due' });
    await clock.advance(60 * DAY_MS);
    await put('young', { phase: 'aborted' });
    await clock.advance(31 * DAY_MS);
    await sweep();
    expect(await kept()).toEqual(['running', 'looked-after', 'young']);
  });

  it('keeps a number of ended ones, the newest, whatever their age', async () => {
    const { put, kept, sweep } = stage({ rollouts: 2 });
    await put('running', { phase: 'stepping', step: 0 });
    for (const id of ['a', 'b', 'c', 'd']) await put(id, { phase: 'promoted' });
    await sweep();
    expect(await kept()).toEqual(['running', 'c', 'd']);
    await sweep();
    expect(await kept()).toEqual(['running', 'c', 'd']);
  });

  it('does a bounded part at a time, and comes back soon for the rest, else in an hour', async () => {
    const { clock, store, put, kept, sweep } = stage({ rollouts: 0 });
    for (let i = 0; i < 250; i += 1) await put(`r${i}`, { phase: 'promoted' });
    const nextIn = async () => {
      const next = await store.due.next();
      return next.kind === 'ok' && next.value !== null ? next.value - clock.now() : null;
    };
    await sweep();
    expect(await kept()).toHaveLength(150);
    expect(await nextIn()).toBe(1_000);
    await sweep();
    await sweep();
    expect(await kept()).toEqual([]);
    expect(await nextIn()).toBe(3_600_000);
    expect(await store.due.lease(1, 1)).toEqual({ kind: 'ok', value: [] });
    await clock.advance(3_600_000);
    expect(JSON.stringify(await store.due.lease(1, 1))).toContain(RETENTION_SUBJECT);
  });

  it('passes by a record that cannot be read, and one that somebody changes meanwhile', async () => {
    const { store, put, sweep } = stage({ rollouts: 0 });
    for (const id of ['broken', 'raced', 'ended']) await put(id, { phase: 'promoted' });
    store.faults.corrupt('rollout/broken');
    store.faults.failNextCommit('conflict');
    await sweep();
    expect((await store.records.read(['rollout/raced'])).kind).toBe('ok');
    expect(await store.records.read(['rollout/ended'])).toMatchObject({ value: [{ rev: 0 }] });
    await sweep();
    expect(await store.records.read(['rollout/raced'])).toMatchObject({ value: [{ rev: 0 }] });
  });

  it('lets go of old lines of the audit log, and of too many', async () => {
    const { clock, store, sweep } = stage();
    const line = (id: string) =>
      store.audit.append({
        ...{ id, stage: 'asked', atMs: clock.now(), by: 'ann', command: 'pause', target: 'rollout/r1' },
        ...{ detail: '', result: null },
      });
    const left = async () => {
      const read = await store.audit.read({ after: null, sinceMs: null, limit: 100 });
      return read.kind === 'ok' ? read.value.map(({ entry }) => entry.id) : [];
    };
    await line('old');
    await clock.advance(31 * DAY_MS);
    for (const id of ['a', 'b']) await line(id);
    await sweep();
    expect(await left()).toEqual(['a', 'b']);
    for (const id of ['c', 'd']) await line(id);
    await sweep();
    expect(await left()).toEqual(['b', 'c', 'd']);
  });

  it('does nothing while the store is away, and two at once do no harm', async () => {
    const { store, put, kept, sweep } = stage({ rollouts: 1 });
    for (const id of ['a', 'b', 'c']) await put(id, { phase: 'promoted' });
    store.faults.setDown(true);
    await sweep();
    store.faults.setDown(false);
    expect(await kept()).toEqual(['a', 'b', 'c']);
    await Promise.all([sweep(), sweep()]);
    expect(await kept()).toEqual(['c']);
  });
});
