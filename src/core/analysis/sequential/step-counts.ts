import type { Count } from './counts.ts';
import type { Metric } from './judge-line.ts';
import { type MetricState, phiOf } from './metric.ts';
import type { SequentialState } from './state.ts';

interface Arms {
  readonly canary: Count;
  readonly stable: Count;
}

export type StepCounts = Readonly<Record<Metric, Arms>>;

/** Counts as they were when a step began. */
export interface StepBase {
  readonly step: number;
  readonly counts: StepCounts;
}

/** Over-dispersion by metric. */
export type Dispersions = Readonly<Record<Metric, number>>;

const NONE: Count = { bad: 0, total: 0 };

export function countsOf(state: SequentialState): StepCounts {
  const { errors, retried, cut } = state;
  const latency = shownEdge(state);
  return {
    'error-rate': arms(errors),
    latency: arms(latency ?? { canary: NONE, stable: NONE }),
    'retried-5xx': arms(retried),
    'resets-timeouts': arms(cut),
  };
}

export function since({ counts }: StepBase, now: StepCounts): StepCounts {
  const of = (metric: Metric): Arms => ({
    canary: less(now[metric].canary, counts[metric].canary),
    stable: less(now[metric].stable, counts[metric].stable),
  });
  return {
    'error-rate': of('error-rate'),
    latency: of('latency'),
    'retried-5xx': of('retried-5xx'),
    'resets-timeouts': of('resets-timeouts'),
  };
}

export function dispersions(state: SequentialState): Dispersions {
  const latency = shownEdge(state);
  return {
    'error-rate': phiOf(state.errors),
    latency: latency === undefined ? 1 : phiOf(latency),
    'retried-5xx': phiOf(state.retried),
    'resets-timeouts': phiOf(state.cut),
  };
}

/** Of the latency the edge that weighs most is shown. */
function shownEdge({ edges }: SequentialState): MetricState | undefined {
  return (edges.find(({ edge }) => edge.isObjective) ?? edges[0])?.metric;
}

function arms({ canary, stable }: Arms): Arms {
  return { canary, stable };
}

function less(a: Count, b: Count): Count {
  return { bad: a.bad - b.bad, total: a.total - b.total };
}
