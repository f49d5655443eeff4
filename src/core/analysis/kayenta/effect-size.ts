import type { EffectMeasure } from '../../model/kayenta-spec.ts';
import { rankJointly, sorted } from './ranks.ts';

/** How much larger the experiment is; NaN where that has no meaning. */
export function effectSize(measure: EffectMeasure, experiment: readonly number[], control: readonly number[]): number {
  return measure === 'cles' ? cles(experiment, control) : meanRatio(experiment, control);
}

/** A mean of 0 has no ratio. */
function meanRatio(experiment: readonly number[], control: readonly number[]): number {
  const [over, under] = [mean(experiment), mean(control)];
  return over === 0 || under === 0 ? Number.NaN : over / under;
}

/** Common language effect size: how often a value of the experiment is above one of the control; ties count half. */
function cles(experiment: readonly number[], control: readonly number[]): number {
  const [n, m] = [experiment.length, control.length];
  const { rankSum } = rankJointly(sorted(experiment), sorted(control), 0);
  return (2 * rankSum - n * (n + 1)) / (2 * m * n);
}

/** In two passes, as Kayenta's library does: limits are compared with the last digit. */
function mean(values: readonly number[]): number {
  const rough = values.reduce((sum, value) => sum + value, 0) / values.length;
  return rough + values.reduce((sum, value) => sum + (value - rough), 0) / values.length;
}
