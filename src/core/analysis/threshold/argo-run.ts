import {
  type ArgoLimits,
  type ArgoMeasurement,
  type ArgoMetric,
  type ArgoPhase,
  measureArgo,
  terminateArgo,
} from './argo.ts';

/** From best to worst, of phases that are over. */
const ORDER: readonly ArgoPhase[] = ['Successful', 'Inconclusive', 'Error', 'Failed'];

export interface ArgoRunMetric {
  readonly phase: ArgoPhase;
  /** Measured and shown, but never a reason for anything. */
  readonly dryRun: boolean;
}

/** The phase of a whole run: running while one metric is, then the worst that counts. */
export function argoRunPhase(metrics: readonly ArgoRunMetric[]): ArgoPhase {
  if (metrics.length === 0 || metrics.some(({ phase }) => !ORDER.includes(phase))) return 'Running';
  const counting = metrics.filter(({ dryRun }) => !dryRun).map(({ phase }) => ORDER.indexOf(phase));
  return ORDER[Math.max(0, ...counting)] ?? 'Successful';
}

export interface ArgoTask {
  readonly limits: ArgoLimits;
  readonly dryRun: boolean;
}

/**
 * One round of measurements for the metrics of a run. The first metric that ends badly stops the others: they take no
 * further measurement, and end as what they are. A metric without an answer in this round (`null`) stays as it is.
 */
export function measureArgoRun(
  metrics: readonly ArgoMetric[],
  round: readonly (ArgoMeasurement | null)[],
  tasks: readonly ArgoTask[],
): readonly ArgoMetric[] {
  const measured = metrics.map((metric, i) => {
    const [one, task] = [round[i] ?? null, tasks[i]];
    return one === null || task === undefined ? metric : measureArgo(metric, one, task.limits);
  });
  const isBad = (phase: ArgoPhase) => phase === 'Failed' || phase === 'Error' || phase === 'Inconclusive';
  const stopped = measured.some(({ phase }, i) => isBad(phase) && tasks[i]?.dryRun !== true);
  return stopped ? measured.map((metric) => ({ ...metric, phase: terminateArgo(metric) })) : measured;
}
