import { assertNever } from '../model/assert-never.ts';
import { assessBake, isComparable } from './bake/bake-judge.ts';
import type { Judge, JudgeInput, JudgeOutcome } from './judge.ts';
import { assessKayenta } from './kayenta/live-judge.ts';
import { lateSoFar } from './sequential/cell-walk.ts';
import { assessSequential } from './sequential/live-judge.ts';
import { assessByArgo, assessByFlagger } from './threshold/peer-judges.ts';
import { thresholdJudge } from './threshold-judge.ts';

/** The judge that the plan names. */
export const judgeByPlan: Judge = { name: 'plan', assess };

function assess(input: JudgeInput): JudgeOutcome {
  const { judge } = input;
  switch (judge.name) {
    case 'sequential': {
      const outcome = compare(input);
      return { ...outcome, late: lateSoFar(outcome.state ?? input.state) };
    }
    case 'threshold':
      return thresholdJudge.assess(input);
    case 'flagger':
      return assessByFlagger(judge, input);
    case 'argo':
      return assessByArgo(judge, input);
    case 'kayenta': {
      // It compares, so where one arm has all requests the limits of the plan hold.
      const outcome = (input.ramp ?? []).length === 0 ? thresholdJudge.assess(input) : assessKayenta(judge, input);
      return { ...outcome, late: lateSoFar(outcome.state ?? input.state) };
    }
    default:
      return assertNever(judge);
  }
}

function compare(input: JudgeInput): JudgeOutcome {
  if (input.bake !== undefined && isComparable(input.state)) return assessBake(input, input.bake);
  // Where all requests go to one arm there is nothing to compare with; the limits of the plan hold there.
  return (input.ramp ?? []).length === 0 ? thresholdJudge.assess(input) : assessSequential(input);
}
