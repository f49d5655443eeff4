import type { AnalysisSpec } from '../model/analysis-spec.ts';
import type { PlanSpec } from '../model/documents.ts';
import { EDGES_MS, slowerThan } from './latency.ts';
import type { World } from './world.ts';

/** What a run needs of the times of answers. */
export interface Histogram {
  /** Does any analysis of the plan ask for them? */
  readonly timed: boolean;
  /** Edges that are shown, by their place among Envoy's. */
  readonly edges: readonly number[];
  /** The edge above which an answer is late to the plan, as its judge reads histograms; -1: no analysis has an objective. */
  readonly lateEdge: number;
}

/**
 * Edges that no request of the world ever crosses would repeat the count of all, and cost every look its time: they are
 * left out, up to the one that the plan's objectives are read at.
 */
export function histogramOf(spec: PlanSpec, { backends }: World): Histogram {
  const asked = latencies(spec);
  if (asked.length === 0) return { timed: false, edges: [], lateEdge: -1 };
  const objectives = asked.flatMap(({ objectiveMs }) => (objectiveMs === null ? [] : [edgeAt(objectiveMs)]));
  const said = backends.flatMap(({ stable, arms }) => [stable, ...arms].flatMap(({ latency }) => latency ?? []));
  const reached = EDGES_MS.findLastIndex((edge) => said.some((latency) => slowerThan(latency, edge) > 0));
  const last = Math.max(reached + 1, ...objectives);
  return { timed: true, edges: EDGES_MS.map((_, i) => i).filter((i) => i <= last), lateEdge: objectives[0] ?? -1 };
}

function edgeAt(ms: number): number {
  return EDGES_MS.findIndex((edge) => edge >= ms);
}

function latencies({ analysis, strategy }: PlanSpec): readonly Extract<AnalysisSpec, { kind: 'latency' }>[] {
  return [...analysis, ...strategy.steps.flatMap((step) => step.analysis)].filter((one) => one.kind === 'latency');
}
