import type { AnalysisSpec, PlanSpec, StepSpec } from '../model/documents.ts';

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
  return [...doubleNames(analysis, steps), ...(isSequential(judge) ? [] : withoutObjective(analysis, steps))];
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
