import { isSplit, type PlanSpec } from '../model/documents.ts';
import { cookieNameOf } from '../traffic/sticky-arms.ts';
import { analysisProblems, type Problem } from './analysis-problems.ts';
import { bakeProblem } from './plan-grammar.ts';
import { revisionProblems } from './revision-grammar.ts';
import { stickyChange } from './sticky-grammar.ts';
import { variantProblems } from './variant-problems.ts';

/** What only the whole plan shows. `saysBake`: its bake is its own, not that of its strategy. */
export function planProblems(spec: PlanSpec, saysBake: boolean): readonly Problem[] {
  const { steps } = spec.strategy;
  return [
    ...analysisProblems(spec, steps),
    ...(spec.joint === undefined ? stickyProblems(spec) : jointProblems(spec)),
    ...variantProblems(spec),
    ...bakeProblems(spec, saysBake),
    ...readoutProblems(spec),
    ...skipProblems(spec),
    ...revisionProblems(spec),
  ];
}

/** What a cookie may be called, by itself or after its backend: Envoy finds it by a pattern, which must not be too large. */
const LONGEST_COOKIE = 64;

function stickyProblems({ strategy: { steps }, backend }: PlanSpec): readonly Problem[] {
  const changed = stickyChange(steps);
  if (changed !== null) {
    const message = `step ${changed + 1} is sticky in another way than the one before: its users would change arms`;
    return [{ path: `strategy.steps[${changed}]`, message }];
  }
  const long = steps.findIndex(
    ({ sticky }) => sticky?.by === 'cookie' && cookieNameOf(sticky, backend).length > LONGEST_COOKIE,
  );
  if (long === -1) return [];
  const message = `the cookie serin-${backend} would have more than ${LONGEST_COOKIE} characters: give sticky.cookie a name`;
  return [{ path: `strategy.steps[${long}]`, message }];
}

/** An arm that a user keeps is drawn for one backend: of several the next one would draw another. */
function jointProblems({ strategy: { steps } }: PlanSpec): readonly Problem[] {
  const sticky = steps.findIndex((step) => step.sticky !== undefined);
  if (sticky === -1) return [];
  const message =
    'users stay with an arm of one backend; of several that roll together a colour keeps each request in one';
  return [{ path: `strategy.steps[${sticky}]`, message }];
}

function bakeProblems(spec: PlanSpec, saysBake: boolean): readonly Problem[] {
  const message = bakeProblem(spec);
  return message === null ? [] : [{ path: saysBake ? 'bake' : 'strategy.steps', message }];
}

/** What begins late would else be seen by nobody: the steps that would have seen it are skipped. */
function skipProblems({ judge, bakeMs = 0 }: PlanSpec): readonly Problem[] {
  if (judge.name !== 'sequential' || judge.skipAfterMs === undefined || bakeMs > 0) return [];
  return [{ path: 'judge.skipAfter', message: 'it needs a bake, which sees what the skipped steps would have seen' }];
}

function readoutProblems({ readout = [], strategy }: PlanSpec): readonly Problem[] {
  const splits = strategy.steps.filter(isSplit);
  if (readout.length === 0 || splits.some(({ sticky }) => sticky !== undefined)) return [];
  const message = 'it needs users who stay with an arm: give the plan or its steps a sticky';
  return [{ path: 'readout', message }];
}
