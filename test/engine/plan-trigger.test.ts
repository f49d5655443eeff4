import { afterEach, describe, expect, it } from 'vitest';
import type { PlanTrigger } from '../../src/core/model/plan-trigger.ts';
import { ASK_AGAIN_MS, askTrigger, leaveTrigger } from '../../src/engine/ask-trigger.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import type { TriggerReport } from '../../src/engine/trigger-report.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { startRollout } from '../support/engine-steps.ts';

let rig: EngineRig;
afterEach(() => rig.stop());

type Plan = Parameters<typeof planYaml>[0];

/** What an apply of the plan says of its revision. */
async function apply(plan: Plan, more: { dryRun?: boolean; retry?: boolean } = {}): Promise<TriggerReport | undefined> {
  return applied([planYaml(plan)], more);
}

async function applied(
  documents: readonly string[],
  more: { dryRun?: boolean; retry?: boolean } = {},
): Promise<TriggerReport | undefined> {
  const result = await rig.answer(rig.engine.apply({ files: files(...documents), dryRun: false, by: 'git', ...more }));
  if (result.kind === 'error') throw new Error(result.errors[0]?.message);
  return result.value.find(({ kind }) => kind === 'Plan')?.revision;
}

/** A shop whose v1 is stable. */
async function shop(): Promise<void> {
  rig = await engineRig();
  await applied([routeYaml(), backendYaml(), planYaml()]);
}

async function rollouts(): Promise<readonly string[]> {
  const all = await rig.engine.rollouts({ backend: null, phase: null, limit: 50, cursor: null });
  if (all.kind === 'error') throw new Error(all.errors[0]?.message);
  return all.value.rollouts.map(({ rollout }) => `${rollout.canary.name} ${rollout.phase}`);
}

async function ends(id: string | null | undefined, phase: string): Promise<void> {
  await rig.until(async () => {
    const view = await rig.engine.rollout(id ?? '');
    return view.kind === 'ok' && view.value.rollout.phase === phase;
  });
}

/** v2 was tried by the plan, and sent back. */
async function sentBack(): Promise<string> {
  await shop();
  const started = await apply({ revision: 'v2' });
  const id = started?.rollout ?? '';
  await rig.engine.command({ id, command: { type: 'abort', reason: 'no', unconfirmed: false }, rev: null, by: 'me' });
  await ends(id, 'aborted');
  return id;
}

async function trigger(): Promise<PlanTrigger | undefined> {
  const read = await rig.store.records.read(['document/Plan/checkout']);
  if (read.kind !== 'ok') throw new Error(read.kind);
  return (read.value[0]?.body as { trigger?: PlanTrigger } | null)?.trigger;
}

describe('a plan that is applied with', () => {
  it('no revision starts nothing, and says nothing of one', async () => {
    await shop();
    expect(await apply({ steps: '[{ weight: 1 }]' })).toBeUndefined();
    expect(await rollouts()).toEqual([]);
  });

  it('a new revision starts its rollout, by who has applied it', async () => {
    await shop();
    const report = await apply({ revision: 'v2' });
    expect(report).toMatchObject({ revision: 'v2', outcome: 'started', error: null });
    const view = await rig.engine.rollout(report?.rollout ?? '');
    expect(view).toMatchObject({
      value: { rollout: { plan: 'checkout', startedBy: 'git', trigger: { revision: 'v2' } } },
    });
    // What another start by this plan rolls out is not what the plan says.
    expect(view.kind === 'ok' && view.value.rollout.spec).not.toHaveProperty('revision');
  });

  it('the same revision starts nothing: not while it rolls, nor when it is promoted, nor when its record is gone', async () => {
    await shop();
    const first = await apply({ revision: 'v2' });
    expect(await apply({ revision: 'v2' })).toMatchObject({ outcome: 'begun', rollout: first?.rollout });
    expect(await apply({ revision: 'v2', steps: '[{ weight: 1 }]' })).toMatchObject({ outcome: 'begun' });
    await ends(first?.rollout, 'promoted');
    expect(await apply({ revision: 'v2' })).toMatchObject({
      outcome: 'begun',
      message: expect.stringMatching(/promoted$/),
    });
    await forgetRollout(first?.rollout ?? '');
    expect(await apply({ revision: 'v2' })).toMatchObject({
      outcome: 'begun',
      message: expect.stringContaining('not kept any more'),
    });
    expect(await apply({ revision: 'v2' }, { retry: true })).toMatchObject({ outcome: 'stable' });
    expect(await rollouts()).toEqual([]);
  });

  it('the revision that is stable has nothing to do, also when it is not stable any more later on', async () => {
    await shop();
    expect(await apply({ revision: 'v1' })).toMatchObject({ outcome: 'stable', rollout: null });
    const byHand = await rig.engine.start({
      ...{ plan: 'checkout', revision: 'v2', endpoints: null, by: 'me', idempotencyKey: null },
    });
    await ends(byHand.kind === 'ok' ? byHand.value.view.rollout.id : '', 'promoted');
    expect(await apply({ revision: 'v1' })).toMatchObject({ outcome: 'stable', message: 'v1 was stable already' });
    expect(await rollouts()).toEqual(['v2 promoted']);
  });

  it('the revision that was promoted by other means has nothing to do', async () => {
    await shop();
    const byHand = await rig.engine.start({
      ...{ plan: 'checkout', revision: 'v2', endpoints: null, by: 'me', idempotencyKey: null },
    });
    await ends(byHand.kind === 'ok' ? byHand.value.view.rollout.id : '', 'promoted');
    expect(await apply({ revision: 'v2' })).toMatchObject({ outcome: 'stable' });
  });

  it('its first documents: the initial revision is stable at once, and no rollout', async () => {
    rig = await engineRig();
    const all = [routeYaml(), backendYaml(), planYaml({ revision: 'v1' })];
    expect(await applied(all, { dryRun: true })).toMatchObject({ outcome: 'stable' });
    expect(await applied(all)).toMatchObject({ outcome: 'stable' });
    expect(await rollouts()).toEqual([]);
  });

  it('a revision set back to one that was promoted before rolls that out again', async () => {
    await shop();
    await ends((await apply({ revision: 'v2' }))?.rollout, 'promoted');
    await ends((await apply({ revision: 'v3' }))?.rollout, 'promoted');
    expect(await apply({ revision: 'v2' })).toMatchObject({ outcome: 'started' });
  });
});

async function forgetRollout(id: string): Promise<void> {
  const read = await rig.store.records.read([`rollout/${id}`]);
  const rev = read.kind === 'ok' ? (read.value[0]?.rev ?? 0) : 0;
  await rig.store.records.commit({
    ...EMPTY_COMMIT,
    reads: [{ key: `rollout/${id}`, rev }],
    writes: [{ key: `rollout/${id}`, body: null }],
  });
}

describe('a revision that was sent back', () => {
  it('is not tried again, whatever else of the plan changes', async () => {
    const id = await sentBack();
    expect(await apply({ revision: 'v2' })).toMatchObject({
      outcome: 'tried',
      rollout: id,
      message: expect.stringContaining('--retry'),
    });
    expect(await apply({ revision: 'v2', steps: '[{ weight: 1 }]' })).toMatchObject({ outcome: 'tried' });
    expect(await rollouts()).toEqual(['v2 aborted']);
  });

  it('is not tried again when the value goes to the stable one and comes back', async () => {
    const id = await sentBack();
    expect(await apply({ revision: 'v1' })).toMatchObject({ outcome: 'stable' });
    expect(await apply({ revision: 'v2' }, { dryRun: true })).toMatchObject({ outcome: 'tried', rollout: id });
    expect(await apply({ revision: 'v2' })).toMatchObject({ outcome: 'tried', rollout: id });
    expect(await rollouts()).toEqual(['v2 aborted']);
  });

  it('is tried again with --retry, once', async () => {
    const id = await sentBack();
    expect(await apply({ revision: 'v2' }, { retry: true, dryRun: true })).toMatchObject({ outcome: 'would-start' });
    const again = await apply({ revision: 'v2' }, { retry: true });
    expect(again).toMatchObject({ outcome: 'started' });
    expect(again?.rollout).not.toBe(id);
    expect(await apply({ revision: 'v2' }, { retry: true })).toMatchObject({
      outcome: 'begun',
      rollout: again?.rollout,
    });
    expect(await rollouts()).toHaveLength(2);
  });

  it('is not tried again when the plan has had no revision in between', async () => {
    const id = await sentBack();
    expect(await apply({})).toBeUndefined();
    expect(await apply({ steps: '[{ weight: 1 }]' })).toBeUndefined();
    const back = await apply({ revision: 'v2' });
    expect(back).toMatchObject({ outcome: 'tried', rollout: id, message: expect.stringContaining('--retry') });
    expect(await rollouts()).toEqual(['v2 aborted']);
    expect(await apply({})).toBeUndefined();
    await rig.clock.advance(2 * ASK_AGAIN_MS);
    expect(rig.store.inside.dueAtMs('plan/checkout')).toBeNull();
    expect(await apply({ revision: 'v2' }, { retry: true })).toMatchObject({ outcome: 'started' });
  });

  it('is not tried again when it was still rolling as the value came back, and was sent back then', async () => {
    await shop();
    const first = await apply({ revision: 'v2' });
    expect(await apply({ revision: 'v3' })).toMatchObject({ outcome: 'refused' });
    expect(await apply({ revision: 'v2' })).toMatchObject({ outcome: 'begun', rollout: first?.rollout });
    const abort = { type: 'abort', reason: 'no', unconfirmed: false } as const;
    await rig.engine.command({ id: first?.rollout ?? '', command: abort, rev: null, by: 'me' });
    await ends(first?.rollout, 'aborted');
    expect(await apply({ revision: 'v2', steps: '[{ weight: 1 }]' })).toMatchObject({ outcome: 'tried' });
    expect(await rollouts()).toEqual(['v2 aborted']);
  });

  describe('by an undo, after it was promoted', () => {
    const undone = async (): Promise<string> => {
      await shop();
      const id = (await apply({ revision: 'v2' }))?.rollout ?? '';
      await ends(id, 'promoted');
      const undo = await rig.engine.undo({ of: id, reason: 'slow', by: 'me', idempotencyKey: null });
      await ends(undo.kind === 'ok' ? undo.value.view.rollout.id : '', 'promoted');
      return id;
    };

    it('is said to be undone, and is tried again with --retry alone', async () => {
      const id = await undone();
      expect(await apply({ revision: 'v2' })).toMatchObject({
        outcome: 'tried',
        rollout: id,
        message: expect.stringContaining('undone; serin apply --retry tries it again'),
      });
      expect(await rollouts()).toHaveLength(2);
      expect(await apply({ revision: 'v2' }, { retry: true })).toMatchObject({ outcome: 'started' });
    });

    it('is not tried again when the value comes back, also after another one was promoted', async () => {
      const id = await undone();
      expect(await apply({ revision: 'v1' })).toMatchObject({ outcome: 'stable' });
      expect(await apply({ revision: 'v2' })).toMatchObject({ outcome: 'tried', rollout: id });
      await ends((await apply({ revision: 'v3' }))?.rollout, 'promoted');
      expect(await apply({ revision: 'v2' })).toMatchObject({ outcome: 'tried', rollout: id });
      expect(await apply({ revision: 'v2' }, { retry: true })).toMatchObject({ outcome: 'started' });
    });
  });

  it('--retry of what was promoted starts nothing, also when somebody has promoted another one by hand', async () => {
    await shop();
    await ends((await apply({ revision: 'v2' }))?.rollout, 'promoted');
    expect(await apply({ revision: 'v2' }, { retry: true })).toMatchObject({ outcome: 'begun' });
    await ends(await startRollout(rig, 'v3'), 'promoted');
    expect(await apply({ revision: 'v2' }, { retry: true })).toMatchObject({ outcome: 'begun' });
  });
});

describe('a revision while another one rolls', () => {
  it('is refused where the plan says so, names the other, and starts at an apply after its end and not before', async () => {
    await shop();
    const first = await apply({ revision: 'v2' });
    expect(await apply({ revision: 'v3' }, { dryRun: true })).toMatchObject({ outcome: 'refused' });
    const refused = await apply({ revision: 'v3' });
    expect(refused).toMatchObject({ outcome: 'refused', error: { code: 'SERIN_ROLLOUT_ACTIVE' } });
    expect(refused?.message).toContain(first?.rollout);
    await ends(first?.rollout, 'promoted');
    await rig.clock.advance(2 * ASK_AGAIN_MS);
    expect(await rollouts()).toEqual(['v2 promoted']);
    expect(await apply({ revision: 'v3' })).toMatchObject({ outcome: 'started' });
  });

  it('takes its place, or waits for it, where the plan says so', async () => {
    await shop();
    await apply({ revision: 'v2' });
    const queued = await apply({ revision: 'v3', onNewRevision: 'queue' });
    expect(queued).toMatchObject({ outcome: 'started' });
    expect(await apply({ revision: 'v4', onNewRevision: 'supersede' })).toMatchObject({ outcome: 'started' });
    await ends(queued?.rollout, 'superseded');
    expect(await apply({ revision: 'v4', onNewRevision: 'supersede' })).toMatchObject({ outcome: 'begun' });
  });

  it('a superseded one is a new value again, unless nothing has changed', async () => {
    await shop();
    const first = await apply({ revision: 'v2', onNewRevision: 'supersede' });
    const byHand = await rig.engine.start({
      ...{ plan: 'checkout', revision: 'v3', endpoints: null, by: 'me', idempotencyKey: null },
    });
    await ends(first?.rollout, 'superseded');
    expect(await apply({ revision: 'v2', onNewRevision: 'supersede' })).toMatchObject({ outcome: 'tried' });
    await ends(byHand.kind === 'ok' ? byHand.value.view.rollout.id : '', 'promoted');
    await ends((await apply({ revision: 'v4', onNewRevision: 'supersede' }))?.rollout, 'promoted');
    expect(await apply({ revision: 'v2', onNewRevision: 'supersede' })).toMatchObject({ outcome: 'started' });
  });
});

describe('a dry run', () => {
  it('says what would start and starts nothing', async () => {
    await shop();
    expect(await apply({ revision: 'v2' }, { dryRun: true })).toMatchObject({ outcome: 'would-start', rollout: null });
    expect(await rollouts()).toEqual([]);
    expect(await trigger()).toBeUndefined();
  });
});

describe('an apply that does not come to its end', () => {
  it.each([
    ['of the plan alone', []],
    ['that one Envoy has tried out first', [routeYaml({ path: '/new' })]],
  ])('%s leaves with its commit a time at which the engine looks', async (_, more) => {
    await shop();
    const dueAtMs: (number | null)[] = [];
    rig.store.inside.watch(({ commit }) => {
      if (commit.writes.some(({ key }) => key === 'document/Plan/checkout'))
        dueAtMs.push(rig.store.inside.dueAtMs('plan/checkout'));
    });
    const before = rig.clock.now();
    await applied([...more, planYaml({ revision: 'v2' })]);
    // By the commit of the documents, and gone by the one that knows the rollout.
    expect(dueAtMs).toEqual([expect.any(Number), null]);
    expect(dueAtMs[0]).toBeGreaterThanOrEqual(before + ASK_AGAIN_MS);
  });

  it('is followed by the engine: the rollout starts all the same, once', async () => {
    await shop();
    await dieBeforeStart('v2');
    expect(await rollouts()).toEqual([]);
    expect(await trigger()).toMatchObject({ outcome: 'due' });
    await rig.until(async () => (await rollouts()).length > 0);
    await rig.until(async () => (await trigger())?.outcome === 'begun');
    expect(await apply({ revision: 'v2' })).toMatchObject({ outcome: 'begun' });
    expect(await rollouts()).toHaveLength(1);
  });

  it('is followed by the next apply, which finds the rollout that was begun', async () => {
    await shop();
    const first = await apply({ revision: 'v2' });
    await asBeforeSettling();
    expect(await apply({ revision: 'v2' })).toMatchObject({ rollout: first?.rollout });
    expect(await trigger()).toMatchObject({ outcome: 'begun', rollout: first?.rollout });
    expect(await rollouts()).toHaveLength(1);
  });

  it('what Envoy refuses is taken back with its revision', async () => {
    await shop();
    rig.envoys('edge', { nack: 'no' });
    const result = await rig.answer(
      rig.engine.apply({
        files: files(routeYaml({ path: '/new' }), planYaml({ revision: 'v2' })),
        dryRun: false,
        by: 'git',
      }),
    );
    expect(result).toMatchObject({ errors: [{ code: 'SERIN_ENVOY_REJECTED' }] });
    rig.envoys('edge', 'ack');
    await rig.clock.advance(2 * ASK_AGAIN_MS);
    expect(await rollouts()).toEqual([]);
  });

  it('one that Envoy refuses after all brings no revision back that was refused before', async () => {
    await shop();
    const first = await apply({ revision: 'v2' });
    expect(await apply({ revision: 'v3' })).toMatchObject({ outcome: 'refused' });
    await ends(first?.rollout, 'promoted');
    rig.envoys('edge', { nack: 'no' }, 'b');
    const result = await rig.answer(
      rig.engine.apply({
        files: files(routeYaml({ path: '/new' }), planYaml({ revision: 'v4' })),
        dryRun: false,
        by: 'git',
      }),
    );
    expect(result).toMatchObject({ errors: [{ code: 'SERIN_ENVOY_REJECTED' }] });
    rig.envoys('edge', 'ack', 'b');
    await rig.clock.advance(2 * ASK_AGAIN_MS);
    expect(await rollouts()).toEqual(['v2 promoted']);
    expect(await apply({ revision: 'v3' })).toMatchObject({ outcome: 'started' });
  });
});

describe('one that is asked late', () => {
  it('does not take the place of a newer one that has begun meanwhile', async () => {
    await shop();
    await apply({ onNewRevision: 'supersede' });
    await dieBeforeStart('v2');
    const { records } = rig.deps;
    let newer: TriggerReport | undefined;
    let isFirst = true;
    const read: typeof records.read = async (keys) => {
      const answer = await records.read(keys);
      if (isFirst && keys.includes('document/Plan/checkout')) {
        isFirst = false;
        newer = await apply({ revision: 'v3', onNewRevision: 'supersede' });
      }
      return answer;
    };
    const late = await askTrigger({ ...rig.deps, records: { ...records, read } }, 'checkout');
    expect(newer).toMatchObject({ outcome: 'started' });
    expect(late).toMatchObject({ value: { outcome: 'refused', error: { code: 'SERIN_CONFLICT' } } });
    await ends(newer?.rollout, 'promoted');
    expect(await rollouts()).toEqual(['v3 promoted']);
  });

  it('takes no newer one out of the due set, nor one that the document does not know to have begun', async () => {
    await shop();
    await dieBeforeStart('v2');
    const dueAtMs = () => rig.store.inside.dueAtMs('plan/checkout');
    await leaveTrigger(rig.deps, 'checkout', 'a-key-of-an-earlier-apply', true);
    expect(dueAtMs()).not.toBeNull();
    await leaveTrigger(rig.deps, 'checkout', 'a-key-of-that-apply', false);
    expect(dueAtMs()).not.toBeNull();
    await leaveTrigger(rig.deps, 'checkout', 'a-key-of-that-apply', true);
    expect(dueAtMs()).toBeNull();
  });

  it('is asked no more when its plan is gone', async () => {
    await shop();
    await dieBeforeStart('v2');
    await rig.engine.remove({ kind: 'Plan', name: 'checkout', by: 'me' });
    await rig.until(async () => rig.store.inside.dueAtMs('plan/checkout') === null);
    expect(await rollouts()).toEqual([]);
  });
});

describe('a joint plan', () => {
  const joint = (revision: string) => `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: both }
spec:
  backends: [checkout, cart]
  revision: ${revision}
  strategy: { steps: [{ weight: 10, hold: 10s }] }
  deadline: 10m
`;
  const both = async () => {
    rig = await engineRig();
    await applied([
      routeYaml(),
      backendYaml(),
      routeYaml({ name: 'cart', backend: 'cart', path: '/cart' }),
      backendYaml('cart'),
    ]);
  };

  it('gives all of them one revision, or each its own', async () => {
    await both();
    const one = await applied([joint('v2')]);
    expect(one).toMatchObject({ outcome: 'started', revision: 'v2' });
    await ends(one?.rollout, 'promoted');
    const each = await applied([joint('{ checkout: v3, cart: v7 }')]);
    expect(each).toMatchObject({ outcome: 'started', revision: 'v3 of checkout, v7 of cart' });
    expect(await rig.engine.rollout(each?.rollout ?? '')).toMatchObject({
      value: { rollout: { canary: { name: 'v3' }, joint: { others: [{ canary: { name: 'v7' } }] } } },
    });
  });

  it('takes the same revisions in another order for the same value, also when it was sent back', async () => {
    await both();
    const started = await applied([joint('{ checkout: v3, cart: v7 }')]);
    const [id, other] = [started?.rollout ?? '', joint('{ cart: v7, checkout: v3 }')];
    expect(await applied([other])).toMatchObject({ outcome: 'begun', rollout: id });
    await rig.engine.command({ id, command: { type: 'abort', reason: 'no', unconfirmed: false }, rev: null, by: 'me' });
    await ends(id, 'aborted');
    expect(await applied([other])).toMatchObject({ outcome: 'tried', rollout: id });
    expect(await applied([joint('v1')])).toMatchObject({ outcome: 'stable' });
    expect(await applied([other])).toMatchObject({ outcome: 'tried', rollout: id });
    expect(await rollouts()).toHaveLength(1);
  });

  it('has nothing to do where all of them are stable, and says what is wrong where some are', async () => {
    await both();
    expect(await applied([joint('v1')])).toMatchObject({ outcome: 'stable' });
    expect(await applied([joint('{ checkout: v1, cart: v2 }')])).toMatchObject({
      outcome: 'refused',
      error: { code: 'SERIN_CONFLICT' },
    });
  });
});

/** The documents are committed; the engine goes before it asks for the start. */
async function dieBeforeStart(revision: string): Promise<void> {
  const read = await rig.store.records.read(['document/Plan/checkout']);
  const held = read.kind === 'ok' ? read.value[0] : undefined;
  if (held === undefined) throw new Error('no plan');
  const body = held.body as { document: { spec: object } };
  await rig.store.records.commit({
    ...EMPTY_COMMIT,
    reads: [{ key: held.key, rev: held.rev }],
    writes: [
      {
        key: held.key,
        body: {
          ...body,
          document: { ...body.document, spec: { ...body.document.spec, revision } },
          trigger: { key: 'a-key-of-that-apply', by: 'git', outcome: 'due', rollout: null, earlier: [] },
        },
      },
    ],
    due: [{ subject: 'plan/checkout', atMs: rig.clock.now() + ASK_AGAIN_MS }],
  });
}

/** The rollout is there, and the document does not know it yet. */
async function asBeforeSettling(): Promise<void> {
  const read = await rig.store.records.read(['document/Plan/checkout']);
  const held = read.kind === 'ok' ? read.value[0] : undefined;
  if (held === undefined) throw new Error('no plan');
  const body = held.body as { trigger: PlanTrigger };
  const due = { ...body.trigger, outcome: 'due', rollout: null };
  await rig.store.records.commit({
    ...EMPTY_COMMIT,
    reads: [{ key: held.key, rev: held.rev }],
    writes: [{ key: held.key, body: { ...body, trigger: due } }],
  });
}

describe('after a store has lost commits and was replayed', () => {
  const replay = async (restore: () => void): Promise<void> => {
    restore();
    await rig.store.lineage.look();
    const done = await rig.answer(rig.engine.reconcileStore({ mode: 'replay', by: 'me' }));
    if (done.kind === 'error') throw new Error(done.errors[0]?.message);
  };

  it.each(['before', 'after'])(
    'a start that was due is begun, also where the store had lost it (%s the apply)',
    async (when) => {
      await shop();
      const early = rig.store.faults.backup();
      await dieBeforeStart('v2');
      const late = rig.store.faults.backup();
      await rig.engine.apply({ files: files(planYaml({ name: 'other' })), dryRun: false, by: 'git' });
      await replay(when === 'before' ? early : late);
      await rig.until(async () => (await trigger())?.outcome === 'begun');
      expect(await rollouts()).toHaveLength(1);
    },
  );

  it('a start that was begun is not begun again', async () => {
    await shop();
    const restore = rig.store.faults.backup();
    const first = await apply({ revision: 'v2' });
    await replay(restore);
    await ends(first?.rollout, 'promoted');
    await rig.clock.advance(2 * ASK_AGAIN_MS);
    expect(await rollouts()).toEqual(['v2 promoted']);
  });

  it.each(['before', 'after'])('what was refused starts behind nobody: the store was of %s the apply', async (when) => {
    await shop();
    const first = await apply({ revision: 'v2' });
    const early = rig.store.faults.backup();
    expect(await apply({ revision: 'v3' })).toMatchObject({ outcome: 'refused' });
    const late = rig.store.faults.backup();
    await ends(first?.rollout, 'promoted');
    await replay(when === 'before' ? early : late);
    await rig.clock.advance(4 * ASK_AGAIN_MS);
    expect(await rollouts()).toEqual(['v2 promoted']);
    expect(await apply({ revision: 'v3' })).toMatchObject({ outcome: 'started' });
  });
});
