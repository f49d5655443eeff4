import type { AnalysisSpec } from '../model/analysis-spec.ts';
import type { PlanSpec, StepSpec } from '../model/documents.ts';
import { type KayentaSpec, MOST_KAYENTA_METRICS } from '../model/kayenta-spec.ts';

export interface Problem {
  /** Within the spec. */
  readonly path: string;
  readonly message: string;
}

/** What only the whole plan shows of its analyses. */
export function analysisProblems(
  {
    analysis = [],
    judge,
  }: { readonly analysis?: readonly AnalysisSpec[] | undefined; readonly judge?: PlanSpec['judge'] | undefined },
  steps: readonly StepSpec[],
): readonly Problem[] {
  return [
    ...doubleNames(analysis, steps),
    ...(isSequential(judge) ? [] : withoutObjective(analysis, steps)),
    ...(judge?.name === 'kayenta' ? kayentaProblems(judge, analysis, steps) : []),
  ];
}

/** What it remembers has a bound, and a name that fits nothing would say nothing. */
function kayentaProblems(
  { critical, mustHaveData, groupWeights }: KayentaSpec,
  analysis: readonly AnalysisSpec[],
  steps: readonly StepSpec[],
): readonly Problem[] {
  const shares = (all: readonly AnalysisSpec[]) => all.filter(({ kind }) => kind !== 'query');
  const known = new Set(shares([...analysis, ...steps.flatMap((step) => step.analysis)]).map(({ name }) => name));
  const named = [
    ...critical.map((name, i) => ({ name, path: `judge.critical[${i}]` })),
    ...mustHaveData.map((name, i) => ({ name, path: `judge.mustHaveData[${i}]` })),
    ...Object.keys(groupWeights).map((name) => ({ name, path: `judge.groupWeights.${name}` })),
  ];
  const message = `at most ${MOST_KAYENTA_METRICS} shares at once with this judge`;
  const most = Math.max(0, ...steps.map((step) => shares(step.analysis).length)) + shares(analysis).length;
  return [
    ...named.flatMap(({ name, path }) =>
      known.has(name) ? [] : [{ path, message: `no share of bad requests is named "${name.slice(0, 80)}"` }],
    ),
    ...(most > MOST_KAYENTA_METRICS ? [{ path: 'analysis', message }] : []),
  ];
}

function isSequential(judge: PlanSpec['judge'] | undefined): boolean {
  return judge === undefined || judge.name === 'sequential';
}

/** To judges that know shares alone there is nothing to count then. */
function withoutObjective(analysis: readonly AnalysisSpec[], steps: readonly StepSpec[]): readonly Problem[] {
  const among = (own: readonly AnalysisSpec[], path: string) =>
    own.flatMap((spec, i) => {
      if (spec.kind !== 'latency' || spec.objectiveMs !== null) return [];
      return [{ path: `${path}[${i}].with.objective`, message: 'expected a duration: this judge needs an objective' }];
    });
  return [
    ...among(analysis, 'analysis'),
    ...steps.flatMap((step, i) => among(step.analysis, `strategy.steps[${i}].analysis`)),
  ];
}

/** Two analyses of one name in force at once: answers and verdicts are kept by name. */
function doubleNames(analysis: readonly AnalysisSpec[], steps: readonly StepSpec[]): readonly Problem[] {
  const doubles = (own: readonly AnalysisSpec[], path: string, taken: ReadonlySet<string>) => {
    const seen = new Set(taken);
    return own.flatMap(({ name }, i) => {
      const message = `two analyses are named "${name}"; give one a name`;
      const double = seen.has(name) ? [{ path: `${path}[${i}]`, message }] : [];
      seen.add(name);
      return double;
    });
  };
  const names = new Set(analysis.map(({ name }) => name));
  return [
    ...doubles(analysis, 'analysis', new Set()),
    ...steps.flatMap((step, i) => doubles(step.analysis, `strategy.steps[${i}].analysis`, names)),
  ];
}
