import type { MetricClass } from '../../model/kayenta-spec.ts';
import { classifyMetric } from '../kayenta/classify.ts';
import { type Score, scoreMetrics } from '../kayenta/score.ts';
import type { KayentaComparison } from './kayenta-grammar.ts';

/** Below so many samples per arm the rank test sees little (Kayenta's own advice). */
export const ADVISED_SAMPLES = 50;

export interface KayentaCompared extends Score {
  readonly metrics: readonly {
    readonly name: string;
    readonly classification: MetricClass;
    readonly critical: boolean;
    readonly interval: readonly [number, number] | null;
    readonly estimate: number | null;
    readonly effect: number | null;
    readonly reason: string;
  }[];
}

export function compareKayenta({ rules, metrics }: KayentaComparison): KayentaCompared {
  const classified = metrics.map(({ metric, control, experiment, groups, muted }) => {
    return { name: metric.name, groups, muted, ...classifyMetric(metric, control, experiment) };
  });
  return {
    metrics: classified.map(({ name, label, critical, shift, effect, reason }) => {
      const [interval, estimate] = [shift?.interval ?? null, shift?.estimate ?? null];
      return { name, classification: label, critical, interval, estimate, effect, reason };
    }),
    ...scoreMetrics(classified, rules),
  };
}

/** Metrics with fewer samples in an arm than Kayenta advises. */
export function thinMetrics({ metrics }: KayentaComparison): readonly string[] {
  const count = (values: readonly number[]) => values.filter((value) => !Number.isNaN(value)).length;
  return metrics
    .filter(({ control, experiment }) => Math.min(count(control), count(experiment)) < ADVISED_SAMPLES)
    .map(({ metric }) => metric.name);
}
