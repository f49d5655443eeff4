import { bakeFromMs, isComparable } from '../analysis/bake/bake-judge.ts';
import { type CrashWatch, crashFromMs } from '../analysis/crash-in-scrapes.ts';
import type { CounterFamily, JudgeState } from '../analysis/judge.ts';
import { kayentaFromMs } from '../analysis/kayenta/live-judge.ts';
import type { RampStep } from '../analysis/ramp.ts';
import { freshForMs } from '../analysis/sample-health.ts';
import { RECORDED_FAMILIES } from '../analysis/scrapes.ts';
import { answersIn } from '../analysis/sequential/counts.ts';
import { edgesOfAll } from '../analysis/sequential/histogram.ts';
import { sequentialEdges, sequentialFromMs } from '../analysis/sequential/live-judge.ts';
import type { AnalysisSpec } from '../model/analysis-spec.ts';
import { isSplit, type PlanSpec, TOTAL_WEIGHT } from '../model/documents.ts';
import { nameHash } from '../model/name-hash.ts';
import type { ReadoutMetric } from '../model/readout.ts';
import { pinnedCluster, type Revision } from '../model/revision.ts';
import { canaryWeight, usesPins } from '../traffic/backend-traffic.ts';
import { armsOf } from './arms.ts';
import { bakeOf } from './bake.ts';
import { BREAKER_CLOSED, type Breaker } from './breaker.ts';
import { isDrilling } from './drill.ts';
import { firstName, partName, partsOf } from './joint.ts';
import type { Push, Rollout, StepRecord } from './rollout.ts';
import { sampledCommitMs, sampledLiveMs, sampledStepLiveMs } from './sample-time.ts';
import type { StepInput } from './transition.ts';

/** The longest stretch that a judge looks back over, ms. */
export const JUDGE_WINDOW_MS = 3_600_000;

export interface ObservationNeeds {
  readonly counters: {
    readonly clusters: readonly string[];
    readonly families: readonly CounterFamily[];
    /** Of `upstream_rq`. */
    readonly codes: readonly string[];
    /** Of `upstream_rq_time_bucket`, ms. @default all */
    readonly edges?: readonly number[];
    /** By the clock of the samples, which is `offsetMs` ahead of ours. It is only asked for where samples are needed. */
    readonly fromMs: (offsetMs: number) => number;
  } | null;
  readonly queries: readonly Extract<AnalysisSpec, { kind: 'query' }>[];
  /** Asked of each arm. */
  readonly readout: readonly ReadoutMetric[];
}

const NOTHING: ObservationNeeds = { counters: null, queries: [], readout: [] };

/** What a decision about this record has to measure first. A function of the record and the time alone. */
export function observationNeeds(
  rollout: Rollout,
  scrapeMs: number | null,
  nowMs: number,
  breaker: Breaker = BREAKER_CLOSED,
  judged: Pick<StepInput, 'judgement' | 'judgements'> = { judgement: null },
): ObservationNeeds {
  const push = rollout.push;
  if (push === null || scrapeMs === null) return NOTHING;
  if (rollout.aftercare === 'due') {
    return {
      counters: {
        clusters: everyCanary(rollout).flatMap((canary) =>
          usesPins(rollout) ? [canary.cluster, pinnedCluster(canary)] : [canary.cluster],
        ),
        ...{ families: ['upstream_rq_active'], codes: [] },
        fromMs: (offsetMs) => (push.liveAtMs ?? push.committedAtMs) + offsetMs,
      },
      queries: [],
      readout: [],
    };
  }
  if (rollout.phase === 'preparing') {
    // The drill waits for ACKs alone; measuring would only make its clock slow.
    if (isDrilling(rollout)) return NOTHING;
    const freshMs = nowMs - freshForMs(scrapeMs);
    // Only the newest sample counts, however long the wait has been.
    const sinceMs = rollout.drill === null ? Math.max(push.committedAtMs, freshMs) : freshMs;
    return {
      counters: {
        clusters: partsOf(rollout).map(({ canary }) => canary.cluster),
        ...{ families: ['membership_healthy'], codes: [] },
        fromMs: (offsetMs) => sinceMs + offsetMs,
      },
      queries: [],
      readout: [],
    };
  }
  const analysis = currentAnalysis(rollout);
  const readout = currentReadout(rollout);
  if (analysis.length + readout.length === 0 || rollout.stable === null) return NOTHING;
  if (nowMs < measurementDueMs(rollout, push, scrapeMs, nowMs)) return NOTHING;
  if (analysis.length === 0) return { ...NOTHING, readout };
  const queries = analysis.filter((spec) => spec.kind === 'query');
  const arms = partsOf(rollout).flatMap(({ stable, canary }) => [
    ...(stable === null ? [] : [stable.cluster]),
    canary.cluster,
  ]);
  const clusters = [...new Set(arms)];
  const codes = countedCodes(rollout.spec);
  const since = (offsetMs: number): number => evidenceFromMs(rollout, nowMs, breaker, offsetMs);
  const own = memoriesOf(rollout, judged).map((memory) => comparedFrom(rollout, memory, scrapeMs));
  const crashed = (offsetMs: number): number => {
    const watch = crashWatchOf(rollout, scrapeMs, nowMs, offsetMs);
    return watch === null ? Number.POSITIVE_INFINITY : crashFromMs(watch);
  };
  // Of several backends each judge takes its own time out of it.
  const compared =
    queries.length < analysis.length && own.some((from) => from !== null)
      ? (offsetMs: number): number => Math.min(crashed(offsetMs), ...own.map((from) => (from ?? since)(offsetMs)))
      : null;
  if (compared !== null && rollout.spec.judge.name === 'sequential') {
    const edges = edgesOfAll(memoriesOf(rollout, judged).map(sequentialEdges));
    const counters = { clusters, families: RECORDED_FAMILIES, codes, fromMs: compared };
    return {
      counters: edges === null || rampOf(rollout).length === 0 ? counters : { ...counters, edges },
      queries,
      readout,
    };
  }
  const families = new Set<CounterFamily>(['upstream_rq_completed']);
  for (const spec of analysis) {
    if (spec.kind === 'error-rate') {
      families.add('upstream_rq_xx');
      if (codes.length > 0) families.add('upstream_rq');
    }
    if (spec.kind === 'latency') families.add('upstream_rq_time_bucket').add('upstream_rq_timeout');
  }
  // Whoever follows pairs of scrapes has to know of restarts.
  if (compared !== null) families.add('server_uptime').add('server_hot_restart_epoch');
  return {
    counters: {
      clusters,
      ...{ families: [...families], codes },
      fromMs: compared ?? since,
    },
    queries,
    readout,
  };
}

/** Of all backends and arms, whichever is promoted. */
export function everyCanary(rollout: Rollout): readonly Revision[] {
  const { joint } = rollout;
  return [...armsOf(rollout), ...(joint?.others ?? [])].map(({ canary }) => canary);
}

/** What the judge remembers of each part, in their order. */
export function memoriesOf(
  rollout: Rollout,
  { judgement, judgements = {} }: Pick<StepInput, 'judgement' | 'judgements'>,
): readonly (JudgeState | null)[] {
  return partsOf(rollout).map((part) => {
    const name = partName(part);
    return name === firstName(rollout) ? judgement : (judgements[name] ?? null);
  });
}

/** From when a judge compares scrape by scrape: both arms of a step, or a bake with what was before. `null`: it does not. */
function comparedFrom(
  rollout: Rollout,
  judgement: JudgeState | null,
  scrapeMs: number,
): ((offsetMs: number) => number) | null {
  const { name } = rollout.spec.judge;
  if (name !== 'sequential' && name !== 'kayenta') return null;
  if (rampOf(rollout).length > 0) {
    const from = name === 'sequential' ? sequentialFromMs : kayentaFromMs;
    return (offsetMs) => {
      const [first] = rampOf(rollout, BREAKER_CLOSED, offsetMs);
      return from(judgement, first?.committedAtMs ?? 0, scrapeMs);
    };
  }
  if (name !== 'sequential') return null;
  const bake = bakeOf(rollout);
  if (bake === null || !isComparable(judgement)) return null;
  return (offsetMs) => bakeFromMs(judgement, bakeOf(rollout, offsetMs)?.stableUntilMs ?? bake.stableUntilMs, scrapeMs);
}

/**
 * A split that some of the counted Envoys have and others not: until it is live a judge that compares scrape by scrape
 * counts nothing, and harm on those that have it would go unseen. The others hold it to their limits from the commit on.
 */
export function crashWatchOf(rollout: Rollout, scrapeMs: number, nowMs: number, offsetMs = 0): CrashWatch | null {
  const { push, spec } = rollout;
  const compares = spec.judge.name === 'sequential' || spec.judge.name === 'kayenta';
  if (push === null || push.liveAtMs !== null || push.probe !== null || !compares) return null;
  if (rampOf(rollout).length === 0) return null;
  return { committedAtMs: sampledCommitMs(push, offsetMs), nowMs: nowMs + offsetMs, scrapeMs };
}

/** Codes that any analysis of the plan counts as failures, whatever is in force now: they count from their first scrape. */
export function countedCodes({ analysis, strategy }: Pick<PlanSpec, 'analysis' | 'strategy'>): readonly string[] {
  const all = [...analysis, ...strategy.steps.flatMap((step) => step.analysis)];
  const codes = all.flatMap((spec) => (spec.kind === 'error-rate' ? answersIn(spec.count ?? []).codes : []));
  return [...new Set(codes)].sort();
}

/** When a judged step is worth a look for its evidence alone; `null`: it is not judged, or cannot be. */
export function nextMeasurementMs(rollout: Rollout, scrapeMs: number | null, nowMs: number): number | null {
  if (rollout.push === null || scrapeMs === null) return null;
  if (currentAnalysis(rollout).length + currentReadout(rollout).length === 0) return null;
  const dueMs = measurementDueMs(rollout, rollout.push, scrapeMs, nowMs);
  return dueMs > nowMs ? dueMs : together(rollout, nowMs, scrapeMs);
}

/** Measuring can be slow; an ACK that wakes us up must not wait for it. So measure once per scrape. */
function measurementDueMs(rollout: Rollout, push: Push, scrapeMs: number, nowMs: number): number {
  const readAtMs = (rollout.readout ?? []).map(({ atMs }) => atMs);
  const lastMs = rollout.evidence?.judgedAtMs ?? Math.max(push.committedAtMs, ...readAtMs);
  // A time ahead of now was stamped before the clock was set back; it must not blind us until then.
  return lastMs > nowMs ? nowMs : together(rollout, lastMs, scrapeMs);
}

/**
 * The next moment at which all rollouts of a fleet look, at most a scrape after `afterMs`: looks at one moment share
 * their queries. Fleets have moments of their own, or all would come at once.
 */
function together({ fleets }: Rollout, afterMs: number, scrapeMs: number): number {
  const phaseMs = nameHash(fleets[0] ?? '') % scrapeMs;
  return Math.floor((afterMs - phaseMs) / scrapeMs) * scrapeMs + phaseMs + scrapeMs;
}

/** Metrics of a test, while users are split for it on every counted Envoy. */
export function currentReadout({ spec, phase, step, push }: Rollout): readonly ReadoutMetric[] {
  const now = spec.strategy.steps[step];
  if (phase !== 'stepping' || now?.sticky === undefined || !isSplit(now) || push?.liveAtMs == null) return [];
  return spec.readout ?? [];
}

/**
 * Analyses in force: the plan's while the canary has weight, plus the step's own. At 100 % the plan's go on until the
 * last Envoy has it, which they cannot hasten, and through the bake.
 */
export function currentAnalysis(rollout: Rollout): readonly AnalysisSpec[] {
  if (rollout.phase === 'promoting') return rollout.spec.analysis;
  if (rollout.phase !== 'stepping') return [];
  const { analysis: own = [], mirror } = rollout.spec.strategy.steps[rollout.step] ?? {};
  return canaryWeight(rollout) > 0 || mirror !== undefined ? [...rollout.spec.analysis, ...own] : own;
}

/**
 * The steps so far in which both arms had traffic, in the order in which they came, the present one last; empty where the
 * present one is no such step: then there is nothing to compare. One between two of them in which an arm had nothing
 * (behind it a person went back) is there as well, never live: what was scraped in it counts for none. Evidence from
 * before the breaker closed is not judged again.
 */
export function rampOf(rollout: Rollout, { closedAtMs }: Breaker = BREAKER_CLOSED, offsetMs = 0): readonly RampStep[] {
  const { steps } = rollout.spec.strategy;
  const now = steps[rollout.step];
  if (rollout.phase !== 'stepping' || now === undefined || !isSplit(now)) return [];
  const isOfRamp = ({ step }: StepRecord): boolean => {
    const spec = steps[step];
    return spec !== undefined && isSplit(spec);
  };
  const first = rollout.history.findIndex(isOfRamp);
  return rollout.history.flatMap((record, i): RampStep[] => {
    if (first === -1 || i < first) return [];
    if (!isOfRamp(record)) {
      return [
        { share: record.weight / TOTAL_WEIGHT, committedAtMs: sampledCommitMs(record, offsetMs), liveAtMs: null },
      ];
    }
    // By its place and not by its step: one may come again.
    const isNow = i === rollout.history.length - 1;
    const live =
      isNow && rollout.push !== null ? sampledLiveMs(rollout.push, offsetMs) : sampledStepLiveMs(record, offsetMs);
    return [
      {
        share: record.weight / TOTAL_WEIGHT,
        committedAtMs: sampledCommitMs(record, offsetMs),
        liveAtMs: live === null ? null : Math.max(live, isNow ? (closedAtMs ?? 0) + offsetMs : 0),
      },
    ];
  });
}

/**
 * From when samples count, by their clock: the step was live, or, before that, was committed (then only a failure counts). After many
 * lost their evidence at once, from when they had it back.
 */
export function evidenceFromMs(
  { push }: Rollout,
  nowMs: number,
  { closedAtMs }: Breaker = BREAKER_CLOSED,
  offsetMs = 0,
): number {
  const startMs = push === null ? nowMs + offsetMs : (sampledLiveMs(push, offsetMs) ?? sampledCommitMs(push, offsetMs));
  return Math.max(startMs, nowMs - JUDGE_WINDOW_MS + offsetMs, (closedAtMs ?? 0) + offsetMs);
}
