import type { EffectMeasure, MetricClass } from '../../model/kayenta-spec.ts';
import { effectSize } from './effect-size.ts';
import { mannWhitneyShift, type Shift } from './mann-whitney.ts';
import { withoutOutliers } from './outliers.ts';

export interface EffectLimits {
  readonly decrease: number;
  readonly increase: number;
}

/** One metric of a Kayenta canary config, its words read and its defaults filled in. */
export interface KayentaMetric {
  readonly name: string;
  readonly direction: 'increase' | 'decrease' | 'either';
  readonly nanStrategy: 'remove' | 'replace';
  readonly removeOutliers: boolean;
  /** In interquartile ranges; above 0. */
  readonly outlierFactor: number;
  readonly critical: boolean;
  readonly mustHaveData: boolean;
  /** The interval must lie beyond this fraction of the estimated shift. */
  readonly tolerance: number;
  readonly confidence: number;
  readonly scaleTolerance: boolean;
  readonly effect: EffectMeasure;
  readonly allowed: EffectLimits;
  readonly criticalLimits: EffectLimits;
}

const NEUTRAL: EffectLimits = { decrease: 1, increase: 1 };

/** Kayenta's own defaults, for a metric where more is worse. */
export const KAYENTA_DEFAULTS: Omit<KayentaMetric, 'name'> = {
  direction: 'increase',
  nanStrategy: 'remove',
  removeOutliers: false,
  outlierFactor: 3,
  critical: false,
  mustHaveData: false,
  tolerance: 0.25,
  confidence: 0.98,
  scaleTolerance: false,
  effect: 'meanRatio',
  allowed: NEUTRAL,
  criticalLimits: NEUTRAL,
};

export interface Classification {
  readonly label: MetricClass;
  /** Fails the whole canary. */
  readonly critical: boolean;
  readonly shift: Shift | null;
  /** `null`: undefined, beyond all numbers, or never looked at. */
  readonly effect: number | null;
  readonly reason: string;
}

/** Compares two arms of one metric as Kayenta's `NetflixACAJudge-v1.0` does; NaN is a missing value. */
export function classifyMetric(
  metric: KayentaMetric,
  controlValues: readonly number[],
  experimentValues: readonly number[],
): Classification {
  const [control, experiment] = [cleaned(controlValues, metric), cleaned(experimentValues, metric)];
  if (control.length === 0 || experiment.length === 0) return withoutData(metric, control, experiment);
  const same = alike(metric, control, experiment);
  if (same !== null) return same;
  const shift = shiftOf(metric, control, experiment);
  const effect = effectSize(metric.effect, experiment, control);
  if (shift === null) {
    const reason = 'all observations are tied, so there is no confidence interval';
    return { label: 'Error', critical: metric.critical, shift: null, effect: defined(effect), reason };
  }
  const label = labelOf(metric, shift, effect);
  const critical = metric.critical && isCritical(metric, label, effect);
  return { label, critical, shift, effect: defined(effect), reason: reasonOf(metric, label, critical) };
}

function cleaned(values: readonly number[], { nanStrategy, removeOutliers, outlierFactor }: KayentaMetric) {
  const filled =
    nanStrategy === 'remove'
      ? values.filter((value) => !Number.isNaN(value))
      : values.map((value) => (Number.isNaN(value) ? 0 : value));
  return removeOutliers ? withoutOutliers(filled, outlierFactor) : filled;
}

/** Whoever replaces missing values has said that their absence means nothing. */
function withoutData(
  { nanStrategy, mustHaveData, critical }: KayentaMetric,
  control: readonly number[],
  experiment: readonly number[],
): Classification {
  const arms = [...(control.length === 0 ? ['control'] : []), ...(experiment.length === 0 ? ['experiment'] : [])];
  const nothing = { shift: null, effect: null, reason: `no data in ${arms.join(' and ')}` };
  if (nanStrategy === 'replace') return { label: 'Pass', critical: false, ...nothing };
  if (mustHaveData && !critical) return { label: 'NodataFailMetric', critical: false, ...nothing };
  return { label: 'Nodata', critical, ...nothing };
}

/** Arms with the same values in any order, or with a single value between them. */
function alike(
  { effect }: KayentaMetric,
  control: readonly number[],
  experiment: readonly number[],
): Classification | null {
  const [a, b] = [Float64Array.from(control).sort(), Float64Array.from(experiment).sort()];
  const identical = a.length === b.length && a.every((value, i) => value === b[i]);
  const single = new Set([...control, ...experiment]).size === 1;
  if (!identical && !single) return null;
  const reason = identical ? 'both arms have the same values' : 'both arms have one and the same value';
  return { label: 'Pass', critical: false, shift: null, effect: effect === 'cles' ? 0.5 : 1, reason };
}

/** Where both arms are constant, ranks know no distance; the difference itself is exact. */
function shiftOf(metric: KayentaMetric, control: readonly number[], experiment: readonly number[]): Shift | null {
  const [base, value] = [control[0], experiment[0]];
  const constant = control.every((other) => other === base) && experiment.every((other) => other === value);
  if (!constant || base === undefined || value === undefined) return mannWhitneyShift(experiment, control, metric);
  const difference = value - base;
  return { interval: [difference, difference], estimate: difference };
}

/** An effect that cannot be computed is not held against the limits. */
function labelOf(metric: KayentaMetric, { interval, estimate }: Shift, effect: number): 'Pass' | 'High' | 'Low' {
  const { direction, allowed } = metric;
  const [lower, upper] = interval;
  const bound = metric.tolerance * Math.abs(estimate);
  if (direction !== 'decrease' && lower > bound && (Number.isNaN(effect) || effect >= allowed.increase)) return 'High';
  if (direction !== 'increase' && upper < -bound && (Number.isNaN(effect) || effect <= allowed.decrease)) return 'Low';
  return 'Pass';
}

function isCritical({ criticalLimits }: KayentaMetric, label: 'Pass' | 'High' | 'Low', effect: number): boolean {
  if (label === 'Pass') return false;
  if (Number.isNaN(effect)) return true;
  return label === 'High' ? effect >= criticalLimits.increase : effect <= criticalLimits.decrease;
}

function reasonOf({ name }: KayentaMetric, label: 'Pass' | 'High' | 'Low', critical: boolean): string {
  if (label === 'Pass') return `${name} shows no difference that counts`;
  return `${name} is ${label === 'High' ? 'higher' : 'lower'} than the control${critical ? ' (critical)' : ''}`;
}

function defined(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
