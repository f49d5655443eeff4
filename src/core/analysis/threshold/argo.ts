/** Outcome of one measurement: successful, failed, inconclusive, error. */
export type ArgoMeasurement = 'S' | 'F' | 'I' | 'E';
export type ArgoPhase = 'Pending' | 'Running' | 'Successful' | 'Inconclusive' | 'Error' | 'Failed';

/** Limits of one metric of an Argo Rollouts analysis, under its own names. */
export interface ArgoLimits {
  /** More failures than this fail the metric; negative: failures do not count. @default 0 */
  readonly failureLimit: number;
  /** @default 0 */
  readonly inconclusiveLimit: number;
  /** @default 4 */
  readonly consecutiveErrorLimit: number;
  /** So many successes in a row end the metric; 0 or less: off. @default 0 */
  readonly consecutiveSuccessLimit: number;
  /** Measurements to take, errors not counted; `null` or 0: one, or without end where there is an interval. */
  readonly count: number | null;
  readonly hasInterval: boolean;
}

export const ARGO_LIMITS: ArgoLimits = {
  failureLimit: 0,
  inconclusiveLimit: 0,
  consecutiveErrorLimit: 4,
  consecutiveSuccessLimit: 0,
  count: null,
  hasInterval: false,
};

/** What Argo keeps of one metric. */
export interface ArgoMetric {
  readonly phase: ArgoPhase;
  readonly count: number;
  readonly failed: number;
  readonly inconclusive: number;
  readonly consecutiveError: number;
  readonly consecutiveSuccess: number;
}

export const ARGO_START: ArgoMetric = {
  phase: 'Pending',
  count: 0,
  failed: 0,
  inconclusive: 0,
  consecutiveError: 0,
  consecutiveSuccess: 0,
};

/** One measurement more. A metric that is over takes none, and keeps its phase. */
export function measureArgo(metric: ArgoMetric, one: ArgoMeasurement, limits: ArgoLimits): ArgoMetric {
  if (isOver(metric.phase)) return metric;
  const counted = {
    count: metric.count + (one === 'E' ? 0 : 1),
    failed: metric.failed + (one === 'F' ? 1 : 0),
    inconclusive: metric.inconclusive + (one === 'I' ? 1 : 0),
    consecutiveError: one === 'E' ? metric.consecutiveError + 1 : 0,
    consecutiveSuccess: one === 'S' ? metric.consecutiveSuccess + 1 : 0,
  };
  return { ...counted, phase: phaseOf(counted, limits) };
}

/** The phase of a metric whose run is stopped now: what breaks no limit has succeeded, measured or not. */
export function terminateArgo({ phase }: ArgoMetric): ArgoPhase {
  return isOver(phase) ? phase : 'Successful';
}

/** Argo tests every limit and keeps the last one broken, so errors win over inconclusive, and these over failures. */
function phaseOf(metric: Omit<ArgoMetric, 'phase'>, limits: ArgoLimits): ArgoPhase {
  const { failureLimit, consecutiveSuccessLimit } = limits;
  if (metric.consecutiveError > limits.consecutiveErrorLimit) return 'Error';
  if (metric.inconclusive > limits.inconclusiveLimit) return 'Inconclusive';
  if (failureLimit >= 0 && metric.failed > failureLimit) return 'Failed';
  const wantsSuccesses = consecutiveSuccessLimit > 0;
  if (wantsSuccesses && metric.consecutiveSuccess >= consecutiveSuccessLimit) return 'Successful';
  const count = effectiveCount(limits);
  if (count === null || metric.count < count) return 'Running';
  if (!wantsSuccesses) return 'Successful';
  return failureLimit >= 0 ? 'Inconclusive' : 'Failed';
}

function effectiveCount({ count, hasInterval }: ArgoLimits): number | null {
  if (count !== null && count !== 0) return count;
  return hasInterval ? null : 1;
}

function isOver(phase: ArgoPhase): boolean {
  return phase !== 'Pending' && phase !== 'Running';
}
