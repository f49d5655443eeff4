import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackendState } from '../../src/core/model/backend-state.ts';
import { BackendStateRecord } from '../../src/core/model/stored.ts';
import { replay } from '../../src/core/replay/replay.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { rolloutOf, tableOf } from '../support/engine-steps.ts';

/** A test of `checkout` with the arms `canary`, `blue` and `green`. */
const TEST = `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: test }
spec:
  backend: checkout
  variants: [blue, green]
  strategy:
    steps:
      - { weights: { canary: 5, blue: 5, green: 5 }, hold: 10s }
      - { weights: { stable: 25, canary: 25, blue: 25, green: 25 }, hold: 10s }
  deadline: 10m
  notify: [deploys]
`;

let rig: EngineRig;

beforeEach(async () => {
  rig = await engineRig();
  await apply(routeYaml({ backend: 'checkout' }), backendYaml('checkout'), TEST);
  await rig.until(async () => (await state()).stable?.name === 'v1');
});
afterEach(() => rig.stop());

async function apply(...documents: readonly string[]): Promise<void> {
  const result = await rig.answer(rig.engine.apply({ files: files(...documents), dryRun: false, by: 'someone' }));
  if (result.kind === 'error') throw new Error(result.errors[0]?.message);
}

async function state(): Promise<BackendState> {
  const read = await rig.store.records.read(['backend/checkout']);
  if (read.kind !== 'ok') throw new Error(read.kind);
  return BackendStateRecord.parse(read.value[0]?.body);
}

type Asked = Partial<Parameters<EngineRig['engine']['start']>[0]>;

const at = (port: number) => ({ endpoints: [`127.0.0.1:${port}`] });
const VARIANTS = { blue: { revision: 'v3', ...at(9093) }, green: { revision: 'v4', ...at(9094) } };

const ask = (fields: Asked = {}): ReturnType<EngineRig['engine']['start']> =>
  rig.engine.start({
    ...{ plan: 'test', revision: 'v2', ...at(9092), variants: VARIANTS, by: 'ci', idempotencyKey: null },
    ...fields,
  });

async function begin(fields: Asked = {}): Promise<string> {
  const started = await ask(fields);
  if (started.kind === 'error') throw new Error(started.errors[0]?.message);
  return started.value.view.rollout.id;
}

const messageOf = async (fields: Asked): Promise<string | null> => {
  const started = await ask(fields);
  return started.kind === 'error' ? (started.errors[0]?.message ?? '') : null;
};

const atStep = (id: string, step: number) => async () => {
  const rollout = await rolloutOf(rig, id);
  return rollout.phase === 'stepping' && rollout.step === step && rollout.push?.liveAtMs !== null;
};
const phaseIs = (id: string, phase: string) => async () => (await rolloutOf(rig, id)).phase === phase;

async function weights(): Promise<readonly number[]> {
  const value = (await tableOf(rig, 'edge')).owners.get('backend/checkout')?.value;
  return value?.kind === 'backend' ? value.split.map(({ weight }) => weight) : [];
}

describe('the start of a test', () => {
  it.each<[string, Asked, string]>([
    ['an arm has no revision', { variants: { blue: VARIANTS.blue } }, 'which revision variant green is of is not said'],
    ['it names one that the plan lacks', { variants: { ...VARIANTS, red: VARIANTS.blue } }, 'and not "red"'],
    ['two arms are one', { variants: { ...VARIANTS, green: VARIANTS.blue } }, 'arms blue and green are both v3'],
    [
      'one is the canary',
      { variants: { ...VARIANTS, green: { revision: 'v2', ...at(9092) } } },
      'arms canary and green',
    ],
    [
      'one is stable',
      { variants: { ...VARIANTS, green: { revision: 'v1', endpoints: ['127.0.0.1:8080'] } } },
      'v1 of checkout is stable already',
    ],
  ])('takes nothing where %s', async (_, fields, message) => {
    expect(await messageOf(fields)).toContain(message);
    expect((await state()).rolloutId).toBeNull();
  });

  it('takes nothing where there is no stable revision to compare with', async () => {
    await apply(
      routeYaml({ name: 'pay', backend: 'pay' }),
      backendYaml('pay', null),
      TEST.replace('name: test', 'name: pay').replace('backend: checkout', 'backend: pay'),
    );
    expect(await messageOf({ plan: 'pay' })).toContain('no stable revision yet: a test compares with it');
  });

  it('knows no variants of a plan that has none', async () => {
    await apply(planYaml());
    expect(await messageOf({ plan: 'checkout' })).toContain('the plan has no variants, and not "blue"');
  });

  it('begins once, however often it is asked, and is told apart from another one', async () => {
    const id = await begin({ idempotencyKey: 'k' });
    expect(await ask({ idempotencyKey: 'k' })).toMatchObject({ value: { created: false, view: { rollout: { id } } } });
    const other = { ...VARIANTS, green: { revision: 'v5', ...at(9095) } };
    expect(await ask({ idempotencyKey: 'k', variants: other })).toMatchObject({
      errors: [{ code: 'SERIN_IDEMPOTENCY_MISMATCH' }],
    });
  });
});

describe('a test', () => {
  it('gives every arm its share, and the arm that a person names all requests', async () => {
    const id = await begin();
    await rig.until(atStep(id, 0));
    expect(await weights()).toEqual([8_500, 500, 500, 500]);
    await rig.until(atStep(id, 1));
    expect(await weights()).toEqual([2_500, 2_500, 2_500, 2_500]);
    await rig.until(async () => (await rolloutOf(rig, id)).waitingFor.startsWith('a person: which of'));
    const command = { type: 'promote', arm: 'blue' } as const;
    const done = await rig.answer(rig.engine.command({ id, command, rev: null, by: 'someone' }));
    expect(done.kind).toBe('ok');
    await rig.until(phaseIs(id, 'promoted'));
    const { stable, previous, retired, rolloutId } = await state();
    expect([stable?.name, previous?.revision.name, rolloutId]).toEqual(['v3', 'v1', null]);
    expect(retired.map(({ revision }) => revision.name).toSorted()).toEqual(['v1', 'v2', 'v4']);
    expect(await weights()).toEqual([10_000]);

    const undone = await rig.answer(
      rig.engine.undo({ of: 'checkout', reason: 'worse', by: 'someone', idempotencyKey: null }),
    );
    if (undone.kind === 'error') throw new Error(undone.errors[0]?.message);
    await rig.until(phaseIs(undone.value.view.rollout.id, 'promoted'));
    expect((await state()).stable?.name).toBe('v1');
  });

  it('is decided again from what was kept of it, byte by byte', async () => {
    const id = await begin();
    await rig.until(atStep(id, 1));
    await rig.answer(rig.engine.command({ id, command: { type: 'promote', arm: 'green' }, rev: null, by: 'someone' }));
    await rig.until(phaseIs(id, 'promoted'));
    const kept = await rig.engine.decisions({ id, from: 0, limit: 500 });
    if (kept.kind === 'error') throw new Error(kept.errors[0]?.message);
    const again = replay(kept.value, { judge: rig.deps.judge });
    expect(again).toMatchObject({ notReplayed: [], differences: [] });
    expect(again.decisions).toBeGreaterThan(5);
  });

  it('keeps others of its backend away, and each of its revisions is taken', async () => {
    await apply(planYaml({ onNewRevision: 'queue' }));
    const id = await begin();
    const taken = await ask({ plan: 'checkout', revision: 'v4', ...at(9094), variants: undefined });
    expect(taken).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    const next = await ask({ plan: 'checkout', revision: 'v9', ...at(9099), variants: undefined });
    expect(next.kind).toBe('ok');
    await rig.answer(rig.engine.command({ id, command: { type: 'abort', reason: 'no' }, rev: null, by: 'someone' }));
    await rig.until(phaseIs(id, 'aborted'));
    expect((await state()).stable?.name).toBe('v1');
  });
});
