import type { CanaryClass, KayentaSpec } from '../../model/kayenta-spec.ts';
import { type Classification, classifyMetric, type KayentaMetric } from './classify.ts';
import { kayentaMetric, leastSamples } from './plan-metrics.ts';
import { armsOf, type Samples } from './samples.ts';
import { scoreMetrics } from './score.ts';

/** What a judgement says of one metric. */
export interface JudgedMetric {
  readonly name: string;
  readonly label: Classification['label'];
  readonly critical: boolean;
  /** Ends of the interval and the estimate of the shift, in percentage points. */
  readonly shift: readonly [lower: number, upper: number, estimate: number] | null;
  readonly effect: number | null;
  /** Samples of the arm that has fewer of them. */
  readonly samples: number;
  /** It cannot speak for the canary: it has no data, or too little for a difference to be seen. Against it, it can. */
  readonly blind: boolean;
}

export interface Judgement {
  readonly score: number;
  readonly classification: CanaryClass;
  readonly metrics: readonly JudgedMetric[];
}

/**
 * Kayenta's judgement of a running canary. Its rules are its own but for one: what has no data is not scored, neither as a
 * failure nor as a success, and keeps the canary where it is, unless the plan says with Kayenta's own words what its
 * absence means (`mustHaveData`, `nanStrategy: replace`).
 */
export function judgeSamples(spec: KayentaSpec, samples: Samples): Judgement {
  const least = leastSamples(spec.confidence);
  const results = samples.names.map((name) => {
    const metric = kayentaMetric(name, spec);
    const { canary, stable } = armsOf(samples, metric);
    const found = classifyMetric(metric, stable, canary);
    const count = Math.min(present(metric, canary), present(metric, stable));
    return { found, metric, count, silent: isSilent(metric, found), blind: isBlind(metric, found, count, least) };
  });
  const counted = results.filter(({ silent }) => !silent);
  const metrics = results.map(({ found, metric: { name }, count, blind }): JudgedMetric => {
    const { label, critical, shift, effect } = found;
    const rounded =
      shift === null ? null : ([...shift.interval, shift.estimate].map(short) as [number, number, number]);
    return {
      name,
      label,
      critical,
      shift: rounded,
      effect: effect === null ? null : short(effect),
      samples: count,
      blind,
    };
  });
  if (counted.length === 0) return { score: 0, classification: 'Nodata', metrics };
  const groupWeights = weightsOf(
    spec,
    samples.names,
    counted.map(({ metric: { name } }) => name),
  );
  const { score, classification } = scoreMetrics(
    counted.map(({ found: { label, critical }, metric: { name } }) => {
      return { label, critical, groups: [name], muted: false };
    }),
    { groupWeights, pass: spec.pass, marginal: spec.marginal },
  );
  return { score, classification, metrics };
}

/** Nothing to score. */
function isSilent({ mustHaveData }: KayentaMetric, { label }: Classification): boolean {
  return label === 'Error' || (label === 'Nodata' && !mustHaveData);
}

function isBlind(metric: KayentaMetric, found: Classification, count: number, least: number): boolean {
  return isSilent(metric, found) || (found.label === 'Pass' && count < least);
}

function present({ nanStrategy }: KayentaMetric, values: readonly number[]): number {
  return nanStrategy === 'replace' ? values.length : values.filter((value) => !Number.isNaN(value)).length;
}

/** Of those that are scored; what the others would have counted is shared in proportion, so that silence costs nothing. */
function weightsOf(
  { groupWeights }: KayentaSpec,
  all: readonly string[],
  scored: readonly string[],
): ReadonlyMap<string, number> {
  const given = (name: string): number | undefined =>
    Object.hasOwn(groupWeights, name) ? groupWeights[name] : undefined;
  const open = all.filter((name) => given(name) === undefined).length;
  const taken = all.reduce((sum, name) => sum + (given(name) ?? 0), 0);
  const own = (name: string) => given(name) ?? (100 - taken) / open;
  const sum = scored.reduce((total, name) => total + own(name), 0);
  return new Map(scored.map((name) => [name, sum === 0 ? 100 / scored.length : (own(name) * 100) / sum]));
}

function short(value: number): number {
  return Number(value.toPrecision(4));
}
