import type { Run, RunPart } from '../../../core/simulation/play.ts';
import { hurtIn, type Spread, type Summary, slowIn } from '../../../core/simulation/summary.ts';

/** The shapes of `plan simulate -o json`: times in ms since the start, shares from 0 to 1, weights in percent. */

export function runBody(run: Run): object {
  const { seed, outcome, arm, tookMs, because, paused, toll, parts, entries } = run;
  return {
    ...{ seed, outcome, ...(arm === null ? {} : { arm }), tookMs, because, paused },
    requests: toll.requests,
    canary: toll.canary,
    hurt: hurtIn(run),
    ...(toll.slowOnStable > 0 ? { slow: slowIn(run) } : {}),
    ...(parts.length < 2 ? {} : { parts: parts.map(partBody) }),
    timeline: entries.map(({ atMs, kind, phase, step, weight, weights, by, message }) => ({
      ...{ atMs, kind, phase, step, weight: weight / 100 },
      ...(weights === undefined ? {} : { weights: inPercent(weights) }),
      ...{ by, message },
    })),
  };
}

function partBody({ name, toll }: RunPart): object {
  return {
    ...{ name, canary: toll.canary, hurt: hurtIn({ toll }) },
    ...(toll.slowOnStable > 0 ? { slow: slowIn({ toll }) } : {}),
  };
}

function inPercent(weights: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(weights).map(([arm, weight]) => [arm, weight / 100]));
}

export function summaryBody(summary: Summary, asked: number): object {
  const { seeds, outcomes, tookMs, canary, hurt, slow, parts } = summary;
  return {
    seeds: { asked, played: seeds },
    outcomes: outcomes.map(({ arm, ...one }) => ({
      ...one,
      ...(arm === null ? {} : { arm }),
      tookMs: spreadBody(one.tookMs),
    })),
    tookMs: spreadBody(tookMs),
    canary: spreadBody(canary),
    hurt: spreadBody(hurt),
    ...(slow === null ? {} : { slow: spreadBody(slow) }),
    ...(parts === undefined
      ? {}
      : {
          parts: parts.map((part) => ({
            ...{ name: part.name, canary: spreadBody(part.canary), hurt: spreadBody(part.hurt) },
            ...(part.slow === null ? {} : { slow: spreadBody(part.slow) }),
          })),
        }),
  };
}

function spreadBody({ least, p5, median, p95, most }: Spread): object {
  return { least, p5, median, p95, most };
}
