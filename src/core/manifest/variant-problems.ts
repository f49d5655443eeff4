import { isSplit, type PlanSpec, type StepSpec } from '../model/documents.ts';
import { nameSome } from '../model/name-some.ts';
import { armWeight, CANARY, stableWeight } from '../model/variants.ts';
import type { Problem } from './analysis-problems.ts';

/** What of a test with variants only the whole plan shows. */
export function variantProblems(spec: PlanSpec): readonly Problem[] {
  const { variants = [], strategy } = spec;
  const ofSteps = strategy.steps.flatMap((step, i) => {
    const at = `strategy.steps[${i}]`;
    return unknownArms(step, variants, at) ?? (variants.length === 0 ? [] : stepProblems(step, variants, at));
  });
  return variants.length === 0 ? ofSteps : [...ofSteps, ...changingHash(spec), ...planWide(spec)];
}

function unknownArms(step: StepSpec, variants: readonly string[], at: string): readonly Problem[] | null {
  const known = (arm: string): boolean => arm === CANARY || variants.includes(arm);
  const arms = nameSome([CANARY, ...variants]);
  const weighed = Object.keys(step.weights ?? {}).find((arm) => !known(arm));
  if (weighed !== undefined) {
    const message = `there is no arm ${weighed}: name it in variants of the plan. Known: stable, ${arms}`;
    return [{ path: `${at}.weights`, message }];
  }
  const index = step.matches.findIndex(({ arm = CANARY }) => !known(arm));
  if (index === -1) return null;
  const message = `there is no arm ${step.matches[index]?.arm}: name it in variants of the plan. Known: ${arms}`;
  return [{ path: `${at}.matches[${index}]`, message }];
}

function stepProblems(step: StepSpec, variants: readonly string[], at: string): readonly Problem[] {
  const weight = `${at}.${step.weights === undefined ? 'weight' : 'weights'}`;
  const arms = [CANARY, ...variants];
  const given = arms.filter((arm) => armWeight(step, arm) > 0);
  const problems: Problem[] = [];
  if (given.length > 0 && given.length < arms.length) {
    const left = arms.filter((arm) => !given.includes(arm));
    const message = `${nameSome(left)} would get nothing: all arms of a test have a share of a step, or none of them`;
    problems.push({ path: weight, message });
  } else if (given.length > 0 && stableWeight(step) === 0) {
    problems.push({ path: weight, message: 'stable would get nothing, and every arm is compared with it' });
  }
  for (const field of ['mirror', 'headers'] as const) {
    if (step[field] === undefined) continue;
    problems.push({
      path: `${at}.${field}`,
      message: 'it is for one canary, and a test with variants has several arms',
    });
  }
  return problems;
}

/** Arms lie side by side in the order of the hash: where one grows, the users of the next are moved. */
function changingHash({ strategy: { steps } }: PlanSpec): readonly Problem[] {
  const index = steps.findIndex((step, i) => {
    const before = steps[i - 1];
    const both = before !== undefined && isSplit(before) && isSplit(step) && step.sticky?.by === 'hash';
    return both && (step.weight !== before.weight || JSON.stringify(step.weights) !== JSON.stringify(before.weights));
  });
  if (index === -1) return [];
  const message = 'by a hash users of one arm would come to another where shares change: keep them, or take a cookie';
  return [{ path: `strategy.steps[${index}].weights`, message }];
}

function planWide({ joint, judge, onNewRevision, revision }: PlanSpec): readonly Problem[] {
  return [
    ...(joint === undefined ? [] : [{ path: 'variants', message: 'a test with variants is of one backend' }]),
    ...(judge.name === 'sequential' && judge.skipAfterMs !== undefined
      ? [{ path: 'judge.skipAfter', message: 'a test with variants ends with its steps, not before' }]
      : []),
    ...(revision === undefined
      ? []
      : [
          {
            path: 'revision',
            message: 'a test is started with a revision for each arm, which this one word cannot say',
          },
        ]),
    ...(onNewRevision === undefined || onNewRevision === 'reject'
      ? []
      : [{ path: 'onNewRevision', message: 'the arms of a test are started together or not at all: expected reject' }]),
  ];
}
