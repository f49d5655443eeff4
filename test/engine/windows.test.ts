import { afterEach, beforeEach, expect, it } from 'vitest';
import { replay } from '../../src/core/replay/replay.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { rolloutOf, startRollout } from '../support/engine-steps.ts';

const at = (time: string): number => Date.parse(`2026-01-01T${time}Z`);

let rig: EngineRig;
beforeEach(async () => {
  rig = await engineRig(['edge'], null, at('00:00:30'));
});
afterEach(() => rig.stop());

it('a rollout that was started before its window begins at the moment it opens, and can be decided again', async () => {
  const windows = 'windows: { zone: Asia/Kolkata, open: [{ from: "05:32", to: "05:39" }] }';
  const plan = planYaml().replace('deadline:', `${windows}\n  deadline:`);
  await rig.answer(rig.engine.apply({ files: files(routeYaml(), backendYaml(), plan), dryRun: false, by: 'me' }));
  const id = await startRollout(rig);
  await rig.until(async () => (await rolloutOf(rig, id)).waitingFor.startsWith('its window to open'));
  // Nobody looks until then: it is due at that moment.
  expect(rig.store.inside.dueAtMs(`rollout/${id}`)).toBe(at('00:02:00'));
  await rig.until(async () => (await rolloutOf(rig, id)).phase === 'promoted');
  const { history } = await rolloutOf(rig, id);
  expect(history[0]?.committedAtMs).toBeGreaterThanOrEqual(at('00:02:00'));
  expect(history[0]?.committedAtMs).toBeLessThan(at('00:02:01'));
  const kept = await rig.engine.decisions({ id, from: 0, limit: 1_000 });
  if (kept.kind === 'error') throw new Error(kept.errors[0]?.message);
  const again = replay(kept.value, { judge: rig.deps.judge });
  expect([again.differences, again.notReplayed]).toEqual([[], []]);
});
