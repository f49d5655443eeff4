import type { AnalysisSpec } from '../../model/analysis-spec.ts';
import type { PlanSpec, StepSpec } from '../../model/documents.ts';
import { TOTAL_WEIGHT } from '../../model/documents.ts';
import type { PreviewStep } from '../../traffic/preview-step.ts';
import { type Facts, factsOf } from './facts.ts';

export interface PlanChange {
  /** `plan`, `step testers`, `analysis latency`; within one step: the step. */
  readonly where: string;
  /** The field; `null`: all of it came or went. */
  readonly what: string | null;
  /** In words; `null`: not there. */
  readonly from: string | null;
  readonly to: string | null;
}

/** What is asked of two versions of one plan that is not the same. Empty exactly when they are equal. */
export function planChanges(before: PlanSpec, after: PlanSpec): readonly PlanChange[] {
  return [
    ...differing('plan', rest(before), rest(after)),
    ...lists('step', before.strategy.steps, after.strategy.steps),
    ...lists('analysis', before.analysis, after.analysis),
    ...lists('readout', before.readout ?? [], after.readout ?? []),
  ];
}

/** What changes for the requests and for those who wait, from one step to another of the same plan. */
export function stepChanges({ strategy }: PlanSpec, from: PreviewStep, to: PreviewStep): readonly PlanChange[] {
  const name = typeof to === 'number' ? strategy.steps[to]?.name : undefined;
  const where = name === undefined ? (to === 'promoting' ? 'promoted' : 'before') : `step ${name}`;
  return differing(where, stepFacts(strategy.steps, from), stepFacts(strategy.steps, to));
}

function stepFacts(steps: readonly StepSpec[], at: PreviewStep): Facts {
  const step = typeof at === 'number' ? steps[at] : undefined;
  return step === undefined
    ? factsOf({ weight: at === 'promoting' ? TOTAL_WEIGHT : 0 })
    : factsOf({ ...step, analysis: step.analysis.map(withOneLimit) });
}

/** Told by what is in them. */
const LISTS: readonly string[] = ['strategy', 'analysis', 'readout', 'judge'];

function rest(spec: PlanSpec): Facts {
  const { name: judge, ...limits } = spec.judge;
  const others = Object.entries(asWritten(spec)).filter(([key]) => !LISTS.includes(key));
  const ofJudge = Object.entries(limits).map(([key, value]) => [`judge.${key}`, value]);
  return factsOf({ ...Object.fromEntries([...others, ...ofJudge]), strategy: spec.strategy.name, judge });
}

/** A plan names one backend, or all of them. */
function asWritten({ joint, ...spec }: PlanSpec): object {
  if (joint === undefined) return spec;
  const { others, ...more } = joint;
  const { backend, ...rest } = spec;
  return { backends: [backend, ...others], ...more, ...rest };
}

/** What a judge takes for the limit, and whether the plan says so, are one thing to whoever reads it. */
function withOneLimit(analysis: AnalysisSpec): object {
  if (analysis.kind === 'query') return analysis;
  const { max, ceiling, ...others } = analysis;
  return ceiling === undefined ? { ...others, 'max by default': max } : { ...others, max: ceiling };
}

type Named = { readonly name: string };

const PLURALS = { step: 'steps', analysis: 'analyses', readout: 'readouts' } as const;

function lists(word: keyof typeof PLURALS, before: readonly Named[], after: readonly Named[]): readonly PlanChange[] {
  const [old, now] = [byName(before), byName(after)];
  const common = (all: ReadonlyMap<string, Facts>) => [...all.keys()].filter((name) => old.has(name) && now.has(name));
  const orders = [common(old).join(', '), common(now).join(', ')] as const;
  const changed = [...now].flatMap(([name, facts]): readonly PlanChange[] => {
    const was = old.get(name);
    const where = `${word} ${name}`;
    return was === undefined ? [{ where, what: null, from: null, to: summary(facts) }] : differing(where, was, facts);
  });
  const gone = [...old].filter(([name]) => !now.has(name));
  return [
    ...changed,
    ...gone.map(([name, facts]) => ({ where: `${word} ${name}`, what: null, from: summary(facts), to: null })),
    ...(orders[0] === orders[1]
      ? []
      : [{ where: 'plan', what: `order of ${PLURALS[word]}`, from: orders[0], to: orders[1] }]),
  ];
}

function byName(all: readonly Named[]): ReadonlyMap<string, Facts> {
  const found = new Map<string, Facts>();
  for (const one of all) found.set(one.name, factsOf(limited(one)));
  return found;
}

function limited(part: Named): object {
  if ('kind' in part && 'max' in part) return withOneLimit(part as AnalysisSpec);
  return 'analysis' in part ? { ...part, analysis: (part as StepSpec).analysis.map(withOneLimit) } : part;
}

function differing(where: string, before: Facts, after: Facts): readonly PlanChange[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((what) => {
    const [from, to] = [before.get(what) ?? null, after.get(what) ?? null];
    return from === to ? [] : [{ where, what, from, to }];
  });
}

function summary(facts: Facts): string {
  const told = [...facts].filter(([, value]) => value !== 'no' && value !== '0s');
  return told.map(([what, value]) => `${what} ${value}`).join(', ');
}
