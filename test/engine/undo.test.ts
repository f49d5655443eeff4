import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { undo as beginUndo } from '../../src/engine/undo.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { rolloutOf, startRollout, tableOf } from '../support/engine-steps.ts';

let rig: EngineRig;
beforeEach(async () => {
  rig = await engineRig();
  const applied = rig.engine.apply({
    files: files(routeYaml(), backendYaml(), planYaml()),
    dryRun: false,
    by: 'someone',
  });
  await rig.answer(applied);
});
afterEach(() => rig.stop());

const undo = (
  of: string,
  fields: Partial<Parameters<EngineRig['engine']['undo']>[0]> = {},
): ReturnType<EngineRig['engine']['undo']> =>
  rig.engine.undo({ of, reason: 'slow', by: 'someone', idempotencyKey: null, ...fields });

async function promoted(revision: string): Promise<string> {
  const id = await startRollout(rig, revision);
  await rig.until(async () => (await rolloutOf(rig, id)).phase === 'promoted');
  return id;
}

async function undone(of: string): Promise<string> {
  const answer = await undo(of);
  if (answer.kind === 'error') throw new Error(answer.errors[0]?.message);
  return answer.value.view.rollout.id;
}

const split = async () => {
  const traffic = (await tableOf(rig)).owners.get('backend/checkout')?.value;
  return traffic?.kind === 'backend'
    ? traffic.split.filter(({ weight }) => weight > 0).map(({ cluster }) => cluster)
    : [];
};

describe('undo', () => {
  it.each([
    ['a backend that nobody knows', 'chekout', 'SERIN_NOT_FOUND'],
    ['a backend that was never promoted', 'checkout', 'SERIN_NOT_WARM'],
  ])('refuses %s', async (_, of, code) => {
    expect(await undo(of)).toMatchObject({ kind: 'error', errors: [{ code }] });
  });

  it('refuses while a rollout is active, and names it', async () => {
    await promoted('v2');
    const id = await startRollout(rig, 'v3');
    const refused = await undo('checkout');
    expect(refused).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    expect(refused.kind === 'error' && refused.errors[0]?.hint).toContain(`serin rollout abort ${id}`);
  });

  it('goes back at once, tells people, and is over when the Envoys have it', async () => {
    const id = await promoted('v2');
    rig.envoys('edge', 'silent');
    const undoId = await undone('checkout');
    expect((await split()).join()).toMatch(/^checkout--v1-/);
    expect((await rolloutOf(rig, undoId)).phase).toBe('promoting');
    rig.envoys('edge', 'ack');
    await rig.until(async () => (await rolloutOf(rig, undoId)).phase === 'promoted');
    expect((await split()).join()).toMatch(/^checkout--v1-/);
    expect(await rolloutOf(rig, undoId)).toMatchObject({ undoes: id, plan: 'checkout', canary: { name: 'v1' } });
    await rig.until(async () =>
      rig.delivered.some(({ title }) => title === 'checkout: v2 is undone, v1 is stable again'),
    );
    expect(rig.delivered.map(({ title }) => title)).toContain('checkout: undo, all requests go back to v1');
    expect(await undo('checkout')).toMatchObject({ errors: [{ code: 'SERIN_NOT_WARM' }] });
  });

  it('takes the id of the rollout that was promoted, and of no other', async () => {
    const first = await promoted('v2');
    const second = await promoted('v3');
    expect(await undo(first)).toMatchObject({ errors: [{ code: 'SERIN_CONFLICT' }] });
    const undoId = await undone(second);
    await rig.until(async () => (await rolloutOf(rig, undoId)).phase === 'promoted');
    expect((await split()).join()).toMatch(/^checkout--v2-/);
  });

  it('a rollout that went back in between changes nothing about it', async () => {
    await promoted('v2');
    const id = await startRollout(rig, 'v3');
    await rig.engine.command({ id, command: { type: 'abort', reason: 'no' }, rev: null, by: 'someone' });
    await rig.until(async () => ['aborted', 'failed'].includes((await rolloutOf(rig, id)).phase));
    await undone('checkout');
    expect((await split()).join()).toMatch(/^checkout--v1-/);
  });

  it('of ten at once one is done; a repeated one finds the first', async () => {
    await promoted('v2');
    const all = await Promise.all(Array.from({ length: 10 }, () => undo('checkout')));
    expect(all.filter(({ kind }) => kind === 'ok')).toHaveLength(1);
    const before = all.find(({ kind }) => kind === 'ok');
    const id = before?.kind === 'ok' ? before.value.view.rollout.id : '';
    await rig.until(async () => (await rolloutOf(rig, id)).phase === 'promoted');
    await promoted('v3');
    const key = { idempotencyKey: 'undo-17' };
    expect(await undo('checkout', key)).toMatchObject({ value: { created: true } });
    expect(await undo('checkout', key)).toMatchObject({ value: { created: false } });
  });

  it('one that was overtaken by its twin after it had looked for it finds what the twin began', async () => {
    await promoted('v2');
    const { records } = rig.deps;
    const request = { of: 'checkout', reason: 'slow', by: 'someone', idempotencyKey: 'undo-17' };
    const first: Awaited<ReturnType<typeof undo>>[] = [];
    const overtaken: typeof records = {
      ...records,
      read: async (keys) => {
        const read = await records.read(keys);
        if (keys.some((key) => key.startsWith('rollout/')) && first.length === 0)
          first.push(await undo('checkout', request));
        return read;
      },
    };
    const second = await beginUndo({ ...rig.deps, records: overtaken }, request);
    expect(first).toMatchObject([{ value: { created: true } }]);
    expect(second).toMatchObject({ value: { created: false } });
  });

  it('is in the audit log, with its reason and the rollout that came of it', async () => {
    await promoted('v2');
    const id = await undone('checkout');
    const read = await rig.engine.audit({ after: null, sinceMs: null, limit: 100 });
    const lines = read.kind === 'ok' ? read.value.map(({ entry }) => entry) : [];
    expect(lines.at(-1)).toMatchObject({ command: 'undo', target: `rollout/${id}`, detail: 'slow', result: 'done' });
  });
});
