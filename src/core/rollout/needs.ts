import type { CounterFamily } from '../analysis/judge.ts';
import { freshForMs } from '../analysis/sample-health.ts';
import type { AnalysisSpec } from '../model/documents.ts';
import { pinnedCluster } from '../model/revision.ts';
import { canaryWeight, usesPins } from '../traffic/backend-traffic.ts';
import { isDrilling } from './drill.ts';
import type { Push, Rollout } from './rollout.ts';

/** The longest stretch that a judge looks back over, ms. */
export const JUDGE_WINDOW_MS = 3_600_000;

export interface ObservationNeeds {
  readonly counters: {
    readonly clusters: readonly string[];
    readonly families: readonly CounterFamily[];
    readonly fromMs: number;
  } | null;
  readonly queries: readonly Extract<AnalysisSpec, { kind: 'query' }>[];
}

const NOTHING: ObservationNeeds = { counters: null, queries: [] };

/** What a decision about this record has to measure first. A function of the record and the time alone. */
export function observationNeeds(rollout: Rollout, scrapeMs: number | null, nowMs: number): ObservationNeeds {
  const push = rollout.push;
  if (push === null || scrapeMs === null) return NOTHING;
  if (rollout.aftercare === 'due') {
    return {
      counters: {
        clusters: usesPins(rollout)
          ? [rollout.canary.cluster, pinnedCluster(rollout.canary)]
          : [rollout.canary.cluster],
        families: ['upstream_rq_active'],
        fromMs: push.liveAtMs ?? push.committedAtMs,
      },
      queries: [],
    };
  }
  if (rollout.phase === 'preparing') {
    // The drill waits for ACKs alone; measuring would only make its clock slow.
    if (isDrilling(rollout)) return NOTHING;
    const freshMs = nowMs - freshForMs(scrapeMs);
    return {
      counters: {
        clusters: [rollout.canary.cluster],
        families: ['membership_healthy'],
        // Only the newest sample counts, however long the wait has been.
        fromMs: rollout.drill === null ? Math.max(push.committedAtMs, freshMs) : freshMs,
      },
      queries: [],
    };
  }
  const analysis = currentAnalysis(rollout);
  if (analysis.length === 0 || rollout.stable === null) return NOTHING;
  if (nowMs < measurementDueMs(rollout, push, scrapeMs, nowMs)) return NOTHING;
  const families = new Set<CounterFamily>(['upstream_rq_completed']);
  for (const spec of analysis) {
    if (spec.kind === 'error-rate') families.add('upstream_rq_xx');
    if (spec.kind === 'latency') families.add('upstream_rq_time_bucket').add('upstream_rq_timeout');
  }
  return {
    counters: {
      clusters: [rollout.stable.cluster, rollout.canary.cluster],
      families: [...families],
      fromMs: evidenceFromMs(rollout, nowMs),
    },
    queries: analysis.filter((spec) => spec.kind === 'query'),
  };
}

/** When a judged step is worth a look for its evidence alone; `null`: it is not judged, or cannot be. */
export function nextMeasurementMs(rollout: Rollout, scrapeMs: number | null, nowMs: number): number | null {
  if (rollout.push === null || scrapeMs === null || currentAnalysis(rollout).length === 0) return null;
  const dueMs = measurementDueMs(rollout, rollout.push, scrapeMs, nowMs);
  return dueMs > nowMs ? dueMs : nowMs + scrapeMs;
}

/** Measuring can be slow; an ACK that wakes us up must not wait for it. So measure once per scrape. */
function measurementDueMs({ evidence }: Rollout, push: Push, scrapeMs: number, nowMs: number): number {
  const lastMs = evidence?.judgedAtMs ?? push.committedAtMs;
  // A time ahead of now was stamped before the clock was set back; it must not blind us until then.
  return lastMs > nowMs ? nowMs : lastMs + scrapeMs;
}

/**
 * Analyses in force: the plan's while the canary has weight, plus the step's own. At 100 % the plan's go on until the
 * last Envoy has it: they can send it back, never on.
 */
export function currentAnalysis(rollout: Rollout): readonly AnalysisSpec[] {
  if (rollout.phase === 'promoting') return rollout.spec.analysis;
  if (rollout.phase !== 'stepping') return [];
  const own = rollout.spec.strategy.steps[rollout.step]?.analysis ?? [];
  return canaryWeight(rollout) > 0 ? [...rollout.spec.analysis, ...own] : own;
}

/** From when samples count: the step was live, or, before that, was committed (then only a failure counts). */
export function evidenceFromMs(rollout: Rollout, nowMs: number): number {
  const startMs = rollout.push?.liveAtMs ?? rollout.push?.committedAtMs ?? nowMs;
  return Math.max(startMs, nowMs - JUDGE_WINDOW_MS);
}
