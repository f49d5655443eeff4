import type { AnalysisSpec } from '../../model/analysis-spec.ts';

/** What the analyses in force ask of the sequential judge. */
export interface Asked {
  readonly errors: {
    /** Classes (`5xx`) and codes (`429`) that count as failures. */
    readonly count: readonly string[];
    /** Below this rate a worse canary is harmless. */
    readonly floor: number | null;
    readonly max: number | null;
  };
  readonly latency: {
    readonly objectives: readonly Objective[];
    readonly warmupMs: number;
  };
}

export interface Objective {
  readonly ms: number;
  /** Largest share of requests that may be slower. */
  readonly max: number | null;
}

export const NOTHING_ASKED: Asked = {
  errors: { count: ['5xx'], floor: null, max: null },
  latency: { objectives: [], warmupMs: 60_000 },
};

/**
 * Several of one kind hold together: what any of them counts is counted, the strictest limit is the limit. Where only one
 * number is possible, the last one wins: those of a step stand behind those of its plan.
 */
export function askedBy(analysis: readonly AnalysisSpec[]): Asked {
  const errors = analysis.filter((spec) => spec.kind === 'error-rate');
  const latency = analysis.filter((spec) => spec.kind === 'latency');
  const usual = NOTHING_ASKED;
  const count = new Set(errors.flatMap((spec) => spec.count ?? usual.errors.count));
  return {
    errors: {
      count: count.size === 0 ? usual.errors.count : [...count],
      floor: errors.findLast(({ floor }) => floor !== undefined)?.floor ?? usual.errors.floor,
      max: strictest(errors),
    },
    latency: {
      objectives: [...new Set(latency.flatMap(({ objectiveMs }) => objectiveMs ?? []))]
        .sort((a, b) => a - b)
        .map((ms) => ({ ms, max: strictest(latency.filter(({ objectiveMs }) => objectiveMs === ms)) })),
      warmupMs: latency.findLast(({ warmupMs }) => warmupMs !== undefined)?.warmupMs ?? usual.latency.warmupMs,
    },
  };
}

function strictest(specs: readonly { readonly ceiling?: number }[]): number | null {
  const given = specs.flatMap(({ ceiling }) => (ceiling === undefined ? [] : [ceiling]));
  return given.length === 0 ? null : Math.min(...given);
}
