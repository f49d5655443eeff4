import { type Asked, NOTHING_ASKED } from './asked.ts';

/** What the sequential judge is asked. Rates are fractions, weights percent, times ms. */
export interface SequentialSettings extends Asked {
  readonly scrapeMs: number;
  readonly routeTimeoutMs: number;
  readonly steps: readonly SequentialStep[];
  /** Chance of rolling back a canary that is as good as the margin allows, over the whole rollout. */
  readonly alpha: number;
  /** Scrapes that it takes at least to roll back. */
  readonly scrapes: number;
  /** A canary's rate may be so many times that of stable. */
  readonly margin: number;
  /** The regression that must have been seen before anything is promoted, as rate ratio. */
  readonly detectable: number;
  /** So many edges of the histogram are judged at most. */
  readonly mostEdges: number;
  readonly nodataTimeoutMs: number;
  /** From so long after the first line that is judged the remaining steps may be skipped; `null`: never. */
  readonly skipAfterMs: number | null;
  readonly deadlineMs: number | null;
  readonly onInconclusive: 'hold' | 'rollback' | 'promote';
}

export interface SequentialStep {
  readonly weight: number;
  readonly holdMs: number;
  /** Requests are also pinned by match, so the share says nothing about the routing. */
  readonly pinned: boolean;
  /** The unit of the split is a user, not a request. */
  readonly sticky: boolean;
  /** What is asked at this weight, where that is not what the plan asks. */
  readonly asked?: Asked;
}

/** `judging.md` §2.4. */
export const SEQUENTIAL_DEFAULTS = {
  ...NOTHING_ASKED,
  alpha: 0.01,
  scrapes: 2,
  margin: 1.25,
  detectable: 5,
  mostEdges: Number.POSITIVE_INFINITY,
  nodataTimeoutMs: 300_000,
  skipAfterMs: null,
  deadlineMs: null,
  onInconclusive: 'hold',
} as const satisfies Partial<SequentialSettings>;

/** What is asked while the canary has this weight. */
export function askedAt(settings: SequentialSettings, weight: number | null): Asked {
  return settings.steps.find((step) => step.weight === weight)?.asked ?? settings;
}

/** All that is asked at any time. */
export function everAsked(settings: SequentialSettings): readonly Asked[] {
  return [settings, ...settings.steps.flatMap(({ asked }) => (asked === undefined ? [] : [asked]))];
}
