import { ARGO_LIMITS, ARGO_START, type ArgoMeasurement, type ArgoPhase, measureArgo } from '../threshold/argo.ts';
import { argoMeasurement, within } from '../threshold/argo-measurement.ts';
import type { ArgoComparison } from './threshold-grammar.ts';

export interface ArgoCompared {
  readonly lines: readonly { readonly measurement: ArgoMeasurement; readonly phase: ArgoPhase }[];
  readonly outcome: ArgoPhase;
  /** Index of the measurement that ended the metric; `null`: none has. */
  readonly tick: number | null;
}

export function compareArgo(file: ArgoComparison): ArgoCompared {
  const { interval, ...given } = file.limits;
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value != null));
  const hasInterval = interval != null && interval !== false && interval !== '' && interval !== 0;
  const limits = { ...ARGO_LIMITS, ...named, hasInterval };
  const conditions = {
    success: file.success === null ? null : within(file.success),
    failure: file.failure === null ? null : within(file.failure),
  };
  let metric = ARGO_START;
  const lines = file.measurements.map((one) => {
    const measurement = one.kind === 'phase' ? one.phase : argoMeasurement(one, conditions);
    metric = measureArgo(metric, measurement, limits);
    return { measurement, phase: metric.phase };
  });
  const tick = lines.findIndex(({ phase }) => phase !== 'Running');
  return { lines, outcome: metric.phase, tick: tick === -1 ? null : tick };
}
