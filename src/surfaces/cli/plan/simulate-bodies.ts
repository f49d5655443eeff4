import type { Run } from '../../../core/simulation/play.ts';
import { hurtIn, type Spread, type Summary, slowIn } from '../../../core/simulation/summary.ts';

/** The shapes of `plan simulate -o json`: times in ms since the start, shares from 0 to 1, weights in percent. */

export function runBody(run: Run): object {
  const { seed, outcome, tookMs, because, paused, toll, entries } = run;
  return {
    ...{ seed, outcome, tookMs, because, paused },
    requests: toll.requests,
    canary: toll.canary,
    hurt: hurtIn(run),
    ...(toll.slowOnStable > 0 ? { slow: slowIn(run) } : {}),
    timeline: entries.map(({ atMs, kind, phase, step, weight, by, message }) => ({
      ...{ atMs, kind, phase, step, weight: weight / 100, by, message },
    })),
  };
}

export function summaryBody(summary: Summary, asked: number): object {
  const { seeds, outcomes, tookMs, canary, hurt, slow } = summary;
  return {
    seeds: { asked, played: seeds },
    outcomes: outcomes.map((one) => ({ ...one, tookMs: spreadBody(one.tookMs) })),
    tookMs: spreadBody(tookMs),
    canary: spreadBody(canary),
    hurt: spreadBody(hurt),
    ...(slow === null ? {} : { slow: spreadBody(slow) }),
  };
}

function spreadBody({ least, p5, median, p95, most }: Spread): object {
  return { least, p5, median, p95, most };
}
