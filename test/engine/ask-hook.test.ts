import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatError } from '../../src/core/model/format-error.ts';
import { replay } from '../../src/core/replay/replay.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { reconcile } from '../../src/engine/reconcile.ts';
import { start } from '../../src/engine/start.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { rolloutOf, startRollout } from '../support/engine-steps.ts';

const STEPS = '[{ weight: 10, webhook: { target: load-test, every: 5s, timeout: 2s, within: 1m } }, { weight: 50 }]';

let rig: EngineRig;
beforeEach(async () => {
  rig = await engineRig();
});
afterEach(() => rig.stop());

const apply = (steps = STEPS) =>
  rig.answer(
    rig.engine.apply({ files: files(routeYaml(), backendYaml(), planYaml({ steps })), dryRun: false, by: 'me' }),
  );
const is = (id: string, wanted: (rollout: Rollout) => boolean) => async () => wanted(await rolloutOf(rig, id));

/** A rollout whose hook was asked and hangs. */
async function hanging(): Promise<string> {
  await apply();
  rig.hooks.says = 'hang';
  const id = await startRollout(rig);
  await rig.until(async () => rig.hooks.asked.length === 1);
  return id;
}

describe('a hook that hangs', () => {
  it('F26: delays no way back: an abort is with the Envoys while it is still being asked', async () => {
    const id = await hanging();
    const beforeMs = rig.clock.now();
    await rig.engine.command({ id, command: { type: 'abort', reason: 'enough' }, rev: null, by: 'someone' });
    await rig.until(is(id, ({ phase }) => phase === 'aborted'));
    expect(rig.clock.now() - beforeMs).toBeLessThan(1_000);
    await rig.clock.advance(5_000);
    expect((await rolloutOf(rig, id)).phase).toBe('aborted');
  });

  it('F26: sends the rollout back at the end of its time, and is named', async () => {
    const id = await hanging();
    await rig.until(is(id, ({ phase }) => phase === 'rolled_back'));
    const { cause, history } = await rolloutOf(rig, id);
    expect(cause?.summary).toBe('hook load-test has not opened the gate within 1m (no answer within 2000 ms)');
    expect(history).toHaveLength(1);
    expect(rig.delivered.map(({ kind }) => kind)).toContain('webhook');
  });

  it('F26: is asked the same once more when the process that asked is gone, and one step follows', async () => {
    const id = await hanging();
    // given: whoever had asked hears nothing any more
    rig.hooks.close();
    await rig.until(async () => rig.hooks.asked.length === 2);
    const [first, again] = rig.hooks.asked;
    expect(again).toEqual(first);
    // when: the one that asked again does
    await reconcile(rig.deps, id, 0, { attempt: 1, ask: 1, answer: { kind: 'open', detail: 'HTTP 200' } });
    await reconcile(rig.deps, id, 0, { attempt: 1, ask: 1, answer: { kind: 'open', detail: 'HTTP 200' } });
    await rig.until(is(id, ({ phase }) => phase === 'promoted'));
    expect((await rolloutOf(rig, id)).history.map(({ step }) => step)).toEqual([0, 1]);
  });

  it('F26: an answer that meets a store which is away is lost, and is asked for again', async () => {
    const id = await hanging();
    rig.hooks.says = { kind: 'open', detail: 'HTTP 200' };
    rig.store.faults.setDown(true);
    await rig.clock.advance(3_000);
    rig.store.faults.setDown(false);
    await rig.until(is(id, ({ phase }) => phase === 'promoted'));
    expect(rig.hooks.asked.map(({ id: key }) => key)).toEqual([`${id}-gate-1-1`, `${id}-gate-1-1`]);
  });
});

it('a hook that opens the gate lets the rollout go on, and every decision can be made again', async () => {
  await apply();
  rig.hooks.says = { kind: 'wait', detail: 'HTTP 403: tests run' };
  const id = await startRollout(rig);
  await rig.until(is(id, ({ waitingFor }) => waitingFor.includes('tests run')));
  rig.hooks.says = { kind: 'open', detail: 'HTTP 200' };
  await rig.until(is(id, ({ phase }) => phase === 'promoted'));
  const kept = await rig.engine.decisions({ id, from: 0, limit: 1_000 });
  if (kept.kind === 'error') throw new Error(kept.errors[0]?.message);
  const again = replay(kept.value, { judge: rig.deps.judge });
  expect(again.differences).toEqual([]);
  expect(again.notReplayed).toEqual([]);
});

describe('a plan that asks a hook which is not configured', () => {
  const unknown = STEPS.replace('load-test', 'lod-test');

  it('is refused with its line, and the name that was meant', async () => {
    const applied = await apply(unknown);
    expect(applied.kind === 'error' ? applied.errors.map(formatError) : []).toEqual([
      expect.stringMatching(
        /^2\.yaml:6:\d+: SERIN_UNKNOWN_REFERENCE .*there is no hook "lod-test"\. Did you mean "load-test"\?/,
      ),
    ]);
  });

  it('starts nothing, when the hook has gone since', async () => {
    await apply();
    const deps = { ...rig.deps, hooks: { ...rig.deps.hooks, targets: () => [] } };
    const request = { plan: 'checkout', revision: 'v2', endpoints: null, by: 'ci', idempotencyKey: null };
    const started = await rig.answer(start(deps, request));
    expect(started.kind === 'error' ? started.errors[0]?.message : '').toContain('a step of the plan asks load-test');
  });
});
