import { judgeByPlan } from '../../src/core/analysis/judge-by-plan.ts';
import { differingFields } from '../../src/core/replay/differences.ts';
import { type Deciders, replay } from '../../src/core/replay/replay.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import type { FakeStore } from '../support/fake-store.ts';

/**
 * Everything that was decided is decided again from what is kept, and has to come out the same: so a decision hangs on
 * nothing but what is kept of it.
 *
 * @param step what decides again; another one than decided before has to be noticed
 */
export function judgeReplays(
  store: FakeStore,
  rollouts: readonly Rollout[],
  step: Deciders['step'],
  wrong: (invariant: string, what: string) => void,
): void {
  for (const rollout of rollouts) {
    const kept = store.inside.decisions(rollout.id);
    const again = replay(kept, { judge: judgeByPlan, ...(step === undefined ? {} : { step }) });
    const [difference] = again.differences;
    const [skipped] = again.notReplayed;
    if (difference !== undefined) {
      const { at, phase, was, now, fields } = difference;
      const where = fields.map(({ path }) => path).join(' ');
      wrong('replay', `${rollout.id}, ${at} (${phase}): was "${was}", is "${now}" (${where})`);
    }
    if (skipped !== undefined) wrong('replay', `${rollout.id}, ${skipped.at}: ${skipped.reason}`);
    const unlike = differingFields(again.rollout, rollout).map(({ path }) => path);
    if (unlike.length > 0) wrong('replay', `${rollout.id}: the record is not what was decided (${unlike.join(' ')})`);
  }
}
