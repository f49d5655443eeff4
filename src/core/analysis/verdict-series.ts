import { z } from 'zod';
import { CANARY_CLASSES, METRIC_CLASSES } from '../model/kayenta-spec.ts';
import { Moment } from '../model/moment.ts';
import type { JudgeOutcome, Verdict, VerdictRatio } from './judge.ts';

/** What one look concluded, short enough to be kept for plots. */
export interface SeriesPoint {
  readonly atMs: number;
  readonly step: number;
  /** Basis points. */
  readonly weight: number;
  readonly decision: JudgeOutcome['decision'];
  readonly metrics: readonly MetricPoint[];
  /** What kept it from going on; `null`: nothing. */
  readonly missing: string | null;
  /** Scrapes of single Envoys that came too late to be judged, so far. @default 0 */
  readonly late?: number;
}

/** A judge that gives scores says how it came to them: the score of all, and the class of each metric. */
export interface MetricPoint extends Pick<Verdict, 'score' | 'classification' | 'critical'> {
  readonly metric: string;
  readonly value: number | null;
  readonly baseline: number | null;
  readonly requests: number | null;
  /** How many times as bad as stable, with the bounds that hold at every look; `high: null`: none yet. */
  readonly ratio: VerdictRatio | null;
  /** Evidence of harm, and where it sends back. */
  readonly evidence: { readonly e: number; readonly limit: number } | null;
}

/** Written with every look, so there are not many. */
const MAX_POINTS = 48;
const MAX_METRICS = 8;
/** Of all backends of a joint rollout, or arms of a test; none of them takes the room of another. */
const MAX_JOINT_METRICS = 2 * MAX_METRICS;
const MISSING_LENGTH = 100;

const number = z.number().nullable();
const Metric: z.ZodType<MetricPoint> = z.looseObject({
  metric: z.string(),
  value: number,
  baseline: number,
  requests: number,
  ratio: z.looseObject({ low: z.number(), high: number, point: number.exactOptional() }).nullable(),
  evidence: z.looseObject({ e: z.number(), limit: z.number() }).nullable(),
  score: z.looseObject({ value: number, classification: z.enum(CANARY_CLASSES) }).exactOptional(),
  classification: z.enum(METRIC_CLASSES).exactOptional(),
  critical: z.literal(true).exactOptional(),
});
export const Point: z.ZodType<SeriesPoint> = z.looseObject({
  atMs: Moment,
  step: z.number(),
  weight: z.number(),
  decision: z.enum(['advance', 'hold', 'rollback']),
  metrics: z.array(Metric),
  missing: z.string().nullable(),
  late: z.number().exactOptional(),
});
export const VerdictSeries = z.looseObject({ points: z.array(Point) });

export function seriesPoint(
  { verdicts, decision, late = 0 }: Pick<JudgeOutcome, 'verdicts' | 'decision' | 'late'>,
  at: Pick<SeriesPoint, 'atMs' | 'step' | 'weight'>,
): SeriesPoint {
  const open = verdicts.find(({ verdict }) => verdict !== 'pass');
  const missing = open === undefined || decision === 'advance' ? null : `${open.metric} ${open.reason}: ${open.detail}`;
  return {
    ...at,
    decision,
    metrics: kept(verdicts).map(metricPoint),
    missing: missing === null ? null : cut(missing),
    ...(late === 0 ? {} : { late }),
  };
}

/** What was left out shows, and no character is cut in two. */
function cut(words: string): string {
  if (words.length <= MISSING_LENGTH) return words;
  return `${words.slice(0, MISSING_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function kept(verdicts: readonly Verdict[]): readonly Verdict[] {
  const whose = ({ arm, backend }: Verdict) => arm ?? backend;
  const parts = [...new Set(verdicts.map(whose))];
  if (parts.length < 2) return verdicts.slice(0, MAX_METRICS);
  const each = Math.floor(MAX_JOINT_METRICS / parts.length);
  return parts.flatMap((part) => verdicts.filter((verdict) => whose(verdict) === part).slice(0, each));
}

function metricPoint(verdict: Verdict): MetricPoint {
  const { metric, value, baseline, requests, ratio, evidence, score, classification, critical } = verdict;
  return {
    metric,
    value: short(value),
    baseline: short(baseline),
    requests,
    ratio: ratio === undefined ? null : shortRatio(ratio),
    evidence: evidence === undefined ? null : { e: short(evidence.e) ?? 0, limit: evidence.limit },
    ...(score === undefined ? {} : { score }),
    ...(classification === undefined ? {} : { classification }),
    ...(critical === undefined ? {} : { critical }),
  };
}

/** The newest are all there; of older ones every second goes whenever there are too many. */
export function addPoint(points: readonly SeriesPoint[], point: SeriesPoint): readonly SeriesPoint[] {
  const all = [...points, point];
  if (all.length <= MAX_POINTS) return all;
  const recent = Math.floor(MAX_POINTS / 3);
  // The first one stays: a plot begins where the rollout began.
  return all.filter((_, i) => i >= all.length - recent || i % 2 === 0);
}

/** So many looks are gathered before they join the series: the whole of it is not written anew with each. */
const MAX_RECENT = 8;
/** Largest, bytes of JSON: a part of what is written with every look. */
export const MAX_RECENT_BYTES = 4 * 1024;

/**
 * Puts a look behind the latest ones. Where it would be one too many, or they would take too much room, those before it
 * are `done`, to be added to the series; where it alone takes too much, it is too.
 */
export function addRecent(
  recent: readonly SeriesPoint[],
  point: SeriesPoint,
): { readonly recent: readonly SeriesPoint[]; readonly done: readonly SeriesPoint[] } {
  const fits = (some: readonly SeriesPoint[]) =>
    new TextEncoder().encode(JSON.stringify(some)).length <= MAX_RECENT_BYTES;
  const all = [...recent, point];
  if (all.length <= MAX_RECENT && fits(all)) return { recent: all, done: [] };
  return fits([point]) ? { recent: [point], done: recent } : { recent: [], done: all };
}

/** Scrapes that came too late between the last look that is kept and this one. */
export function lateSince(points: readonly SeriesPoint[], point: SeriesPoint | null): number {
  return point === null ? 0 : Math.max(0, (point.late ?? 0) - (points.at(-1)?.late ?? 0));
}

function shortRatio({ low, high, point = null }: VerdictRatio): VerdictRatio {
  return { low: short(low) ?? 0, high: short(high), point: short(point) };
}

function short(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
