import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { reconcileStore } from '../../src/engine/reconcile-store.ts';
import { verify } from '../../src/engine/store-admin.ts';
import type { EngineRig } from '../support/engine-rig.ts';
import { rolloutOf, startRollout } from '../support/engine-steps.ts';
import { atStep, lostStep, twoStepsRig } from '../support/two-steps.ts';

let r: EngineRig;
beforeEach(async () => {
  r = await twoStepsRig();
});
afterEach(() => r.stop());

const replay = () => r.engine.reconcileStore({ mode: 'replay', by: 'me' });
const refused = (message: string) => ({
  kind: 'error',
  errors: [{ code: 'SERIN_REPLAY_REFUSED', message: expect.stringContaining(message) }],
});

describe('a store that has lost a step, replayed', () => {
  it('goes on where it was, by itself', async () => {
    const id = await startRollout(r);
    await r.until(atStep(r, id, 0));
    const restore = r.store.faults.backup();
    await r.until(atStep(r, id, 1));
    const before = await rolloutOf(r, id);
    const table = r.store.inside.table('edge');
    const events = r.store.inside.events(id);
    restore();
    await r.store.lineage.look();
    const done = await replay();
    expect(done).toMatchObject({
      kind: 'ok',
      value: {
        mode: 'replay',
        freeze: expect.stringContaining('lost commits'),
        replayed: { from: expect.any(Number), to: expect.any(Number) },
        backends: [{ backend: 'checkout', summary: expect.stringContaining('goes on at step 2') }],
        routes: [],
      },
    });
    expect(await rolloutOf(r, id)).toEqual(before);
    expect(r.store.inside.events(id)).toEqual(events);
    expect(r.store.inside.table('edge')).toEqual(table);
    // Nobody had to resume it, and nothing happened twice.
    await r.until(async () => (await rolloutOf(r, id)).phase === 'promoted');
    const told = r.store.inside.events(id).map((event) => JSON.stringify(event));
    expect(told).toEqual([...new Set(told)]);
  });

  it('sends no message that is another one than before: receivers know them by their ids', async () => {
    const id = await lostStep(r);
    const before = r.delivered.map((notice) => notice.id);
    await replay();
    await r.until(async () => (await rolloutOf(r, id)).phase === 'promoted');
    await r.until(async () => r.delivered.some(({ kind }) => kind === 'promoted'));
    const kinds = new Map(r.delivered.map((notice) => [notice.id, `${notice.kind} ${notice.title}`]));
    expect(new Set(kinds.values()).size).toBe(kinds.size);
    expect(before.every((known) => kinds.has(known))).toBe(true);
  });

  it('leaves a store that is sound, and takes commands again', async () => {
    const id = await lostStep(r);
    expect((await replay()).kind).toBe('ok');
    const checked = await verify(r.store.archive, null);
    expect(checked.kind === 'ok' && checked.value.damage).toEqual([]);
    const paused = await r.engine.command({ id, command: { type: 'pause', reason: 'x' }, rev: null, by: 'me' });
    expect(paused.kind).toBe('ok');
  });

  it('knows a start that was lost by its idempotency key', async () => {
    const restore = r.store.faults.backup();
    const id = await startRollout(r, 'v2', 'build-17');
    restore();
    await r.store.lineage.look();
    await replay();
    expect(await startRollout(r, 'v2', 'build-17')).toBe(id);
  });

  it('is written down: by whom, and which commits', async () => {
    await lostStep(r);
    await replay();
    const page = await r.engine.audit({ after: null, sinceMs: null, limit: 100 });
    const lines = page.kind === 'ok' ? page.value.map(({ entry }) => entry) : [];
    expect(lines.filter(({ command }) => command === 'reconcile')).toMatchObject([
      { by: 'me', target: 'store', detail: 'replay', stage: 'asked' },
      { by: 'me', target: 'store', detail: expect.stringMatching(/^replay \d+ to \d+$/), result: 'done' },
    ]);
  });
});

describe('a replay is refused', () => {
  it('when the store is not frozen', async () => {
    expect(await replay()).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_CONFLICT' }] });
  });

  it('when this engine has kept nothing', async () => {
    await lostStep(r);
    const engine = { ...r.deps, tail: { ...r.deps.tail, kept: () => [] } };
    expect(await reconcileStore(engine, { mode: 'replay', by: 'me' })).toMatchObject(refused('has kept no commit'));
  });

  it('when what it has kept does not reach back, and says from where', async () => {
    await lostStep(r);
    const kept = r.deps.tail.kept().slice(-1);
    const engine = { ...r.deps, tail: { ...r.deps.tail, kept: () => kept } };
    const done = await reconcileStore(engine, { mode: 'replay', by: 'me' });
    expect(done).toMatchObject(refused(`only what came after commit`));
  });

  it('when the store is empty, or another one: nothing says that it was the same', async () => {
    await startRollout(r);
    r.store.faults.wipe();
    await r.store.lineage.look();
    expect(await replay()).toMatchObject(refused('another store'));
  });

  it('when others went on with the older store before it was noticed', async () => {
    const restore = r.store.faults.backup();
    await startRollout(r);
    restore();
    const other = r.store.replica();
    const change = {
      ...EMPTY_COMMIT,
      reads: [{ key: 'fence/x', rev: 0 }],
      writes: [{ key: 'fence/x', body: {} }],
    } as const;
    expect((await other.records.commit(change)).kind).toBe('committed');
    await r.store.lineage.look();
    expect(await replay()).toMatchObject(refused('has moved on'));
  });

  it('when somebody has changed a record by hand, and nothing is written', async () => {
    const id = await lostStep(r);
    const writes = r.store.commits();
    const state = r.store.inside.record('backend/checkout');
    r.store.faults.setRev(`rollout/${id}`, 99);
    expect(await replay()).toMatchObject(refused(`rollout/${id}`));
    expect(r.store.commits()).toBe(writes);
    expect(r.store.inside.record('backend/checkout')).toEqual(state);
    // The other ways are still open.
    expect((await r.engine.reconcileStore({ mode: 'stable', by: 'me' })).kind).toBe('ok');
  });

  it('when the store does not answer', async () => {
    await lostStep(r);
    r.store.faults.setDown(true);
    expect(await replay()).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_STORE_UNAVAILABLE' }] });
  });
});
